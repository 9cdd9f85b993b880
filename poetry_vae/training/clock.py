"""The time that a call of the training loop may take."""

from __future__ import annotations

import math
import time


class Clock:
    """How much time a call has left."""

    def __init__(self, minutes: float | None, decay: float) -> None:
        self.begun = time.monotonic()
        self.seconds = None if minutes is None else 60 * minutes
        self.decay = decay

    @property
    def passed(self) -> float:
        return time.monotonic() - self.begun

    @property
    def is_up(self) -> bool:
        return self.seconds is not None and self.passed > self.seconds

    @property
    def pace(self) -> float:
        """The factor on the learning rate: 1, and at the end of a call falling as 1 − √done."""
        if self.seconds is None or not self.decay:
            return 1.0
        left = (self.seconds - self.passed) / (self.decay * self.seconds)
        return 1.0 if left >= 1 else 1 - math.sqrt(1 - max(0.0, left))
