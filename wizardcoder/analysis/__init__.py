"""Measure the rounds of evolution: acceptance, length, complexity, drift, diversity, similarity to tests, difficulty.

Reads the rounds' records and returns summaries, tables and figures. Changes no record: training does not depend on it.
"""

from typing import TYPE_CHECKING

from wizardcoder.core.lazy import lazy_exports

if TYPE_CHECKING:
    from wizardcoder.analysis.difficulty import judge_difficulty as judge_difficulty
    from wizardcoder.analysis.figures import draw_all as draw_all
    from wizardcoder.analysis.measure_rounds import Analysis as Analysis
    from wizardcoder.analysis.measure_rounds import measure_rounds as measure_rounds
    from wizardcoder.analysis.round_files import RoundRecords as RoundRecords
    from wizardcoder.analysis.round_files import read_rounds as read_rounds
    from wizardcoder.analysis.tables import write_tables as write_tables

__getattr__, __all__ = lazy_exports(
    __name__,
    {
        "judge_difficulty": "difficulty",
        "draw_all": "figures",
        "Analysis": "measure_rounds",
        "measure_rounds": "measure_rounds",
        "RoundRecords": "round_files",
        "read_rounds": "round_files",
        "write_tables": "tables",
    },
)
