"""When a call of the training loop ends, and how."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal

Stopped = Literal["finished", "no better bound", "learned by heart", "time is up", "interrupted"]


@dataclass
class StoppingRule:
    """Ends a call: by a caller that is asked, by time, or when the bound no longer improves."""

    should_stop: Callable[[], bool]
    minutes: float | None
    patience: int
    """Validations without a better bound; 0 never stops early."""
    decay: float = 0.0
    """The last share of the time, over which the learning rate falls."""
    begun: float = field(default_factory=time.monotonic)

    @property
    def passed(self) -> float:
        """Seconds of the call so far."""
        return time.monotonic() - self.begun

    @property
    def pace(self) -> float:
        """The factor on the learning rate: 1, then falling as 1 − √done at the end of a call."""
        if self.minutes is None or not self.decay:
            return 1.0
        left = (60 * self.minutes - self.passed) / (self.decay * 60 * self.minutes)
        return 1.0 if left >= 1 else 1 - math.sqrt(1 - max(0.0, left))

    def reason(self, *, by_heart: bool, since_best: int) -> Stopped:
        """Why to stop now; ``finished`` if there is no reason to.

        Args:
            by_heart: whether the model writes lines of its training poems.
            since_best: validations since the bound last got better.
        """
        if self.should_stop():
            return "interrupted"
        if self.minutes is not None and self.passed > 60 * self.minutes:
            return "time is up"
        if self.patience and by_heart:
            return "learned by heart"
        return "no better bound" if 0 < self.patience <= since_best else "finished"
