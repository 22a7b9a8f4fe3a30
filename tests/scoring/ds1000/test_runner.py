"""DS-1000: what passes in each mode, and what a hostile solution cannot do. The problems are made up, in its format."""

from __future__ import annotations

import dataclasses

import pytest

from wizardcoder.benchmarks.problem import Problem
from wizardcoder.scoring.ds1000.runner import DS1000, missing_environment, reason_not_run

pytestmark = pytest.mark.heavy

ABSENT = missing_environment()
needs_environment = pytest.mark.skipif(ABSENT is not None, reason=str(ABSENT))
TIMEOUT_S = 60.0  # of code that ends by itself, so that a busy machine fails no test
MEMORY_MB = 1024


def context(make, reference, compare, before, after, cases=2, more=""):
    """Return a code_context in DS-1000's form."""
    return f'''
import copy
import random
import numpy as np
import pandas as pd

def generate_test_case(test_case_id):
    def define_test_input(test_case_id):
        {make}
    def generate_ans(data):
        {reference}
    test_input = define_test_input(test_case_id)
    expected_result = generate_ans(copy.deepcopy(test_input))
    return test_input, expected_result

def exec_test(result, ans):
    {compare}
    return 1

exec_context = r"""
import numpy as np
import pandas as pd
{before}
[insert]
{after}
"""

def test_execution(solution: str):
    code = exec_context.replace("[insert]", solution)
    for i in range({cases}):
        test_input, expected_result = generate_test_case(i + 1)
        test_env = {{"test_input": test_input}}
        exec(code, test_env)
        assert exec_test(test_env["result"], expected_result)
{more}
'''


DOUBLE = Problem(
    "DS-1000/double",
    "Double every number of the array a, without a loop. Put the result in b.",
    "b = a * 2",
    checker="ds1000",
    group="Numpy",
    test=context(
        "return np.arange(3.0) + test_case_id",
        "return data + data",
        "np.testing.assert_allclose(result, ans)",
        "a = test_input",
        "result = b",
        more='\ndef test_string(solution: str):\n    assert "for" not in solution, "a loop"\n',
    ),
)
COUNT = Problem(
    "DS-1000/count",
    "Count the rows of each name in df, the most frequent first.",
    "df = df.groupby('name').size().sort_values(ascending=False).reset_index(name='n')",
    checker="ds1000",
    group="Pandas",
    test=context(
        "return pd.DataFrame({'name': list('abacab' * test_case_id)})",
        "return data.name.value_counts().rename_axis('name').reset_index(name='n')",
        "pd.testing.assert_frame_equal(result, ans)",
        "df = test_input",
        "result = df",
    ),
)
FIT = Problem(
    "DS-1000/fit",
    "Fit a straight line to x and y.",
    "from sklearn.linear_model import LinearRegression\nmodel = LinearRegression().fit(x, y)",
    checker="ds1000",
    group="Sklearn",
    test=context(
        "return np.arange(4.0)[:, None], np.arange(4.0) * 3",
        "return data[1]",
        "np.testing.assert_allclose(result.predict(np.arange(4.0)[:, None]), ans, atol=1e-9)",
        "x, y = test_input",
        "result = model",
    ),
)
PLOT = Problem(
    "DS-1000/plot",
    "Plot x with a dashed line.",
    "plt.plot(x, linestyle='--')",
    checker="ds1000",
    group="Matplotlib",
    test=context(
        "return None",
        "return None",
        "import matplotlib.pyplot as plt; assert plt.gca().lines[0].get_linestyle() == '--'",
        "import matplotlib.pyplot as plt\nx = np.arange(3)",
        "plt.savefig('output.png')\nresult = None",
        cases=1,
    ),
)
ONCE = dataclasses.replace(DOUBLE, task_id="DS-1000/once", test=DOUBLE.test.replace("range(2)", "range(1)"))
ALL = [DOUBLE, COUNT, FIT, PLOT]


@pytest.fixture(scope="module")
def ds1000():
    with DS1000(allow_unsafe=False) as made:
        yield made


def judge(ds1000, problem, solution, mode="strict", timeout_s=TIMEOUT_S):
    found = ds1000.verdict(problem, solution, mode, timeout_s, MEMORY_MB)
    assert found.passed == (found.result == "passed")
    return found.result


@pytest.mark.parametrize("library", ["Tensorflow", "Pytorch"])
def test_a_problem_of_a_library_that_the_environment_lacks_is_not_run(library):
    problem = Problem("DS-1000/1", "", "", checker="ds1000", group=library)
    assert reason_not_run(problem) == f"not run: the DS-1000 environment has no {library}"
    assert reason_not_run(DOUBLE) is None


def test_without_its_environment_the_benchmark_says_what_to_run(tmp_path):
    python = tmp_path / "bin" / "python"
    assert missing_environment(python) == f"{tmp_path}/.installed: no such file; run `make ds1000`"


@needs_environment
@pytest.mark.parametrize("mode", ["strict", "official"])
@pytest.mark.parametrize("problem", ALL, ids=lambda p: p.task_id)
def test_the_reference_passes(ds1000, problem, mode):
    assert judge(ds1000, problem, problem.canonical_solution, mode) == "passed"


@needs_environment
def test_a_problem_is_judged_outside_where_its_reference_passes_so_but_for_figures(ds1000):
    assert [ds1000.judged_outside(problem) for problem in ALL] == [True, True, False, False]


@needs_environment
@pytest.mark.parametrize("mode", ["strict", "official"])
@pytest.mark.parametrize(
    ("problem", "solution", "result"),
    [
        (DOUBLE, "b = a * 3", "failed: AssertionError: Not equal to tolerance"),
        (DOUBLE, "b = a[:2] * 2", "failed: AssertionError: Not equal to tolerance"),
        (DOUBLE, "b = np.array([x * 2 for x in a])", "failed: AssertionError: a loop"),
        (DOUBLE, "b = None", "failed: TypeError: "),
        (DOUBLE, "c = a * 2", "failed: NameError: name 'b' is not defined"),
        (DOUBLE, "b = (", "failed: SyntaxError: "),
        (DOUBLE, "raise ValueError('no idea')", "failed: ValueError: no idea"),
        (COUNT, "df = df.name.value_counts()", "failed: AssertionError: "),
        (COUNT, f"{COUNT.canonical_solution}\ndf['n'] = df['n'].astype('int32')", "failed: AssertionError: "),
        (FIT, "model = None", "failed: AttributeError: "),
        (PLOT, "plt.plot(x)", "failed: AssertionError"),
    ],
)
def test_a_wrong_solution_fails_with_its_reason(ds1000, problem, solution, mode, result):
    assert judge(ds1000, problem, solution, mode).startswith(result)


HOSTILE = {
    "patched tests": "np.testing.assert_allclose = pd.testing.assert_frame_equal = lambda *a, **k: None\nb = df = None",
    "reads the expected result from the frames": """
import sys
frame, b = sys._getframe(), None
while frame:
    b = frame.f_locals.get('expected_result', b)
    frame = frame.f_back
df = b
""",
    "reads the expected result from the judge's memory": """
import gc
seen = [v for o in gc.get_objects() if type(o) is dict and 'expected_result' in o for v in [o['expected_result']]]
b = df = seen[0]
""",
    "a frame that equals all": """
class Frame(pd.DataFrame):
    def equals(self, other): return True
    def __eq__(self, other): return True
b = df = Frame({'name': [], 'n': []})
""",
    "an object that equals all": """
class Same:
    def __eq__(self, other): return True
    def __array__(self, dtype=None): return np.zeros(3)
    def __getattr__(self, name): return lambda *a, **k: True
b = df = Same()
""",
    "leaves by sys.exit": "import sys\nsys.exit(0)",
    "leaves by os._exit": "import os\nos._exit(0)",
    "answers in the wire's place": """
import sys
wire = sys.modules.get('wizardcoder.scoring.ds1000.wire')
if wire: wire.dumps = lambda value: b'null'
b = df = None
""",
    "sends a pickle": """
import os, pickle, sys
class Bomb:
    def __reduce__(self): return (os._exit, (0,))
wire = sys.modules.get('wizardcoder.scoring.ds1000.wire')
if wire: wire.dumps = lambda value: pickle.dumps(Bomb())
b = df = None
""",
    "says that it is done": """
import gc, socket
for o in gc.get_objects():
    if type(o).__name__ == 'Channel':
        o.send(b'{"done":true}')
        o.send(b'{"returned":true}', b'null')
b = df = None
""",
}


@needs_environment
@pytest.mark.parametrize("problem", [DOUBLE, COUNT], ids=lambda p: p.task_id)
@pytest.mark.parametrize("solution", HOSTILE.values(), ids=HOSTILE)
def test_a_hostile_solution_fails(ds1000, problem, solution):
    assert judge(ds1000, problem, solution).startswith("failed: ")


@needs_environment
@pytest.mark.parametrize("name", ["patched tests", "reads the expected result from the frames"])
def test_the_same_attack_works_where_tests_and_solution_share_a_process(ds1000, name):
    assert judge(ds1000, DOUBLE, HOSTILE[name], "official") == "passed"


@needs_environment
@pytest.mark.parametrize("mode", ["strict", "official"])
def test_a_solution_that_does_not_end_times_out(ds1000, mode):
    ds1000.judged_outside(DOUBLE)
    assert judge(ds1000, DOUBLE, "while True: pass", mode, timeout_s=2) == "timed out"


@needs_environment
@pytest.mark.parametrize("mode", ["strict", "official"])
def test_what_a_solution_prints_and_writes_goes_nowhere(ds1000, mode):
    noise = "import sys, warnings\nprint('x' * 2**20)\nwarnings.warn('w')\nsys.stderr.write('e' * 2**20)\n"
    for _ in range(2):
        assert judge(ds1000, ONCE, f"{noise}open('file', 'x').close()\nb = a * 2", mode) == "passed"


@needs_environment
@pytest.mark.parametrize("mode", ["strict", "official"])
def test_each_case_starts_in_a_fresh_namespace(ds1000, mode):
    solution = "assert 'seen' not in globals()\nseen = True\nb = a * 2"
    assert judge(ds1000, DOUBLE, solution, mode) == "passed"


@needs_environment
@pytest.mark.parametrize("mode", ["strict", "official"])
def test_a_solution_draws_on_from_where_its_context_stopped(ds1000, mode):
    problem = Problem(
        "DS-1000/draw",
        "Draw the next two numbers, from numpy and from random.",
        "result = np.random.rand(), __import__('random').random()",
        checker="ds1000",
        group="Numpy",
        test=context(
            "np.random.seed(test_case_id); random.seed(test_case_id)",
            "s = np.random.get_state(), random.getstate(); r = np.random.rand(), random.random(); "
            "np.random.set_state(s[0]); random.setstate(s[1]); return r",
            "assert result == ans",
            "",
            "",
        ),
    )
    assert ds1000.judged_outside(problem)
    assert judge(ds1000, problem, problem.canonical_solution, mode) == "passed"


@needs_environment
@pytest.mark.parametrize("mode", ["strict", "official"])
def test_a_solution_finds_the_files_that_its_context_wrote(ds1000, mode):
    problem = Problem(
        "DS-1000/file",
        "Sum the column n of table.csv.",
        "result = pd.read_csv('table.csv').n.sum()",
        checker="ds1000",
        group="Pandas",
        test=context(
            "open('table.csv', 'w').write('n\\n1\\n%d' % test_case_id)",
            "return pd.read_csv('table.csv').n.sum()",
            "assert result == ans",
            "",
            "",
        ),
    )
    assert ds1000.judged_outside(problem)
    assert judge(ds1000, problem, problem.canonical_solution, mode) == "passed"
