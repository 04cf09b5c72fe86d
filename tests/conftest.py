"""What all tests share."""

from __future__ import annotations

import hypothesis

# How long an example takes says more of the machine than of what is tested.
hypothesis.settings.register_profile("patient", deadline=None)
hypothesis.settings.load_profile("patient")
