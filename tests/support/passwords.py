"""Quick hashes of passwords: a dear one takes 0.16 s, and people of tests log in all the time."""

from __future__ import annotations

from functools import partial

import argon2

DEAR = argon2.PasswordHasher
QUICK = partial(DEAR, time_cost=1, memory_cost=8, parallelism=1)
