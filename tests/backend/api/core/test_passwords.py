"""Passwords: argon2id, and as much work for nobody as for somebody."""

from time import perf_counter

import pytest
from argon2 import PasswordHasher

from backend.api.identity.passwords import Passwords

pytestmark = pytest.mark.unit


async def test_a_password_matches_its_own_hash_alone():
    passwords = Passwords(PasswordHasher(time_cost=1, memory_cost=8, parallelism=1))
    stored = await passwords.hash("correct horse")
    assert stored.startswith("$argon2id$")
    assert await passwords.matches(stored, "correct horse")
    assert not await passwords.matches(stored, "correct horse ")
    assert not await passwords.matches(None, "correct horse")
    assert not await passwords.matches("$argon2id$broken", "correct horse")


async def test_nobody_takes_as_long_as_somebody():
    passwords = Passwords()
    stored = await passwords.hash("correct horse")
    await passwords.warm_up()

    async def seconds(of):
        tries = []
        for _ in range(5):
            begun = perf_counter()
            await passwords.matches(of, "wrong password")
            tries.append(perf_counter() - begun)
        return min(tries)

    somebody, nobody = await seconds(stored), await seconds(None)
    assert 0.5 < nobody / somebody < 2


async def test_a_hash_of_other_parameters_is_dated():
    stored = await Passwords(PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)).hash("correct horse")
    assert Passwords().is_dated(stored)
    assert not Passwords(PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)).is_dated(stored)
