"""Plan a training before it starts: memory per device, steps, tokens and hours, by published formulas.

Works without data and without weights, and for hardware that is not this machine's. Measures nothing but the peak
speed of a CPU.
"""

from typing import TYPE_CHECKING

from wizardcoder.core.lazy import lazy_exports

if TYPE_CHECKING:
    from wizardcoder.training.planning.model_shape import ModelShape as ModelShape
    from wizardcoder.training.planning.model_shape import read_shape as read_shape
    from wizardcoder.training.planning.plan import TrainingPlan as TrainingPlan
    from wizardcoder.training.planning.plan import plan_training as plan_training
    from wizardcoder.training.planning.plan import show_plan as show_plan

__getattr__, __all__ = lazy_exports(
    __name__,
    {
        "ModelShape": "model_shape",
        "TrainingPlan": "plan",
        "plan_training": "plan",
        "read_shape": "model_shape",
        "show_plan": "plan",
    },
)
