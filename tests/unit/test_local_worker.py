"""The pool of worker processes: leasing, crashes, abandoned jobs, shutdown. Real processes, real pipes."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import sys
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

import pytest
import uvloop

from voice_agent.engines.local.worker import Job, WorkerPool, WorkerSpec
from voice_agent.engines.ports import EngineError
from voice_agent.settings import EngineSettings

TARGET = "tests.unit.local_probe:Probe"
FAST = EngineSettings(worker_restart_s=0.02, worker_reset_timeout_s=0.3, worker_start_timeout_s=20, worker_wait_s=20)


@asynccontextmanager
async def pool(size: int = 1, settings: EngineSettings = FAST, **arguments: object) -> AsyncGenerator[WorkerPool, None]:
    workers = WorkerPool(WorkerSpec(TARGET, arguments), size=size, settings=settings)
    try:
        yield workers
    finally:
        await workers.aclose()


async def results(job: Job) -> list[dict[str, object] | bytes]:
    collected = []
    while (result := await job.receive()) is not None:
        collected.append(result)
    return collected


async def first_result(job: Job) -> dict[str, object]:
    result = await job.receive()
    assert isinstance(result, dict)
    return result


async def pid_of(workers: WorkerPool) -> int:
    async with workers.job(do="pid") as job:
        pid = (await first_result(job))["pid"]
        await results(job)
    assert isinstance(pid, int)
    return pid


def is_running(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


async def gone(pid: int) -> None:
    async with asyncio.timeout(10):
        while is_running(pid):  # noqa: ASYNC110 - a process of another parent offers no event
            await asyncio.sleep(0.01)


async def test_a_job_gets_back_what_it_sends_and_then_ends() -> None:
    async with pool() as workers, workers.job(do="echo") as job:
        await job.send(b"ab")
        await job.send(b"cd")
        await job.end()
        assert b"".join(r for r in await results(job) if isinstance(r, bytes)) == b"abcd"
        assert await job.receive() is None


async def test_megabytes_pass_in_both_directions_at_once() -> None:
    async with pool() as workers, workers.job(do="echo") as job:

        async def send() -> None:
            for _ in range(200):
                await job.send(bytes(16_000))
            await job.end()

        sending = asyncio.create_task(send())
        received = sum(len(r) for r in await results(job))
        await sending
        assert received == 200 * 16_000


async def test_the_same_worker_serves_one_job_after_another() -> None:
    async with pool() as workers:
        assert await pid_of(workers) == await pid_of(workers)


async def test_jobs_wait_in_line_while_all_workers_are_busy() -> None:
    async with pool() as workers:
        async with workers.job(do="echo") as busy:
            waiting = asyncio.create_task(pid_of(workers))
            await asyncio.sleep(0)
            await busy.end()
            await results(busy)
            assert not waiting.done()
        assert await waiting > 0


async def test_a_wait_that_takes_too_long_says_busy() -> None:
    async with pool() as workers, workers.job(do="echo"):
        with pytest.raises(EngineError) as failure:
            await workers.take(wait_s=0.05)
        assert failure.value.code == "busy"
        assert failure.value.retryable


async def test_two_workers_are_two_processes() -> None:
    async with pool(size=2) as workers, workers.job(do="echo"):
        first = await pid_of(workers)
        async with workers.job(do="pid") as other:
            assert (await first_result(other))["pid"] == first


async def test_a_crash_is_a_retryable_failure_and_another_worker_takes_over() -> None:
    async with pool() as workers:
        before = await pid_of(workers)
        with pytest.raises(EngineError) as failure:
            async with workers.job(do="exit") as job:
                await job.receive()
        assert failure.value.code == "worker_died"
        assert failure.value.retryable
        assert await pid_of(workers) != before


async def test_a_worker_killed_while_free_is_replaced_unnoticed() -> None:
    async with pool() as workers:
        before = await pid_of(workers)
        os.kill(before, signal.SIGKILL)
        await gone(before)
        assert await pid_of(workers) != before


async def test_an_exception_of_the_engine_is_reported_without_its_message() -> None:
    async with pool() as workers:
        with pytest.raises(EngineError, match="ZeroDivisionError") as failure:
            async with workers.job(do="raise") as job:
                await job.receive()
        assert "private" not in str(failure.value)
        assert await pid_of(workers) > 0


async def test_an_abandoned_job_is_cancelled_and_its_worker_kept() -> None:
    async with pool() as workers:
        async with workers.job(do="pour") as job:
            pid = (await first_result(job))["pid"]
            assert await job.receive() == bytes(4096)
        assert await pid_of(workers) == pid


async def test_a_job_abandoned_in_the_middle_of_its_data_is_cancelled_and_its_worker_kept() -> None:
    async with pool() as workers:
        before = await pid_of(workers)
        async with workers.job(do="echo") as job:
            await job.send(b"ab")
        assert await pid_of(workers) == before


async def test_a_reader_cancelled_at_any_byte_leaves_a_worker_that_can_be_reused() -> None:
    async with pool() as workers:
        before = await pid_of(workers)
        for _ in range(20):
            async with workers.job(do="pour") as job:
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(0.002):
                        await results(job)
            assert await pid_of(workers) == before


async def test_a_worker_that_ignores_the_cancellation_is_replaced() -> None:
    async with pool() as workers:
        async with workers.job(do="hang") as job:
            pid = (await first_result(job))["pid"]
        assert await pid_of(workers) != pid


async def test_a_caller_who_gives_up_waiting_takes_no_worker_along() -> None:
    async with pool() as workers:
        async with workers.job(do="echo") as busy:
            waiting = [asyncio.create_task(pid_of(workers)) for _ in range(3)]
            await asyncio.sleep(0)
            await busy.end()
            await results(busy)
        for task in waiting[:2]:
            task.cancel()
        assert await waiting[2] > 0
        assert await pid_of(workers) > 0


async def test_an_engine_that_cannot_load_makes_the_pool_unavailable_at_once() -> None:
    async with pool(size=2, fail=True) as workers:
        with pytest.raises(EngineError, match="LookupError") as failure:
            await workers.start()
        assert failure.value.code == "unavailable"
        assert "private" not in str(failure.value)


async def test_an_engine_that_hangs_while_loading_makes_the_pool_unavailable() -> None:
    impatient = EngineSettings(worker_start_timeout_s=0.5, worker_restart_s=0.02)
    async with pool(settings=impatient, hang=True) as workers:
        with pytest.raises(EngineError) as failure:
            await workers.take(wait_s=20)
        assert failure.value.code == "unavailable"


async def test_a_module_that_does_not_exist_makes_the_pool_unavailable() -> None:
    workers = WorkerPool(WorkerSpec("tests.unit.no_such_module:Probe", {}), size=1, settings=FAST)
    with pytest.raises(EngineError, match="ModuleNotFoundError"):
        await workers.start()
    await workers.aclose()


async def test_output_of_native_code_does_not_disturb_the_protocol() -> None:
    async with pool() as workers, workers.job(do="chatter") as job:
        assert "pid" in await first_result(job)
        assert await job.receive() is None


async def test_a_worker_sees_no_secret_of_the_server(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-secret")
    monkeypatch.setenv("DATABASE_URL", "postgres://secret")
    async with pool() as workers, workers.job(do="environment") as job:
        names = (await first_result(job))["names"]
        assert isinstance(names, list)
        assert "PATH" in names
        assert not {"OPENAI_API_KEY", "DATABASE_URL"} & set(names)


async def test_a_worker_leaves_no_core_dump() -> None:
    async with pool() as workers, workers.job(do="protection") as job:
        assert await job.receive() == {"core": [0, 0], "dumpable": 0}


async def test_a_worker_ignores_the_signals_that_start_a_drain() -> None:
    async with pool() as workers:
        before = await pid_of(workers)
        os.kill(before, signal.SIGINT)
        os.kill(before, signal.SIGTERM)
        assert await pid_of(workers) == before


async def test_closing_ends_every_worker_even_a_busy_one_and_refuses_new_jobs() -> None:
    async with pool(size=2) as workers:
        idle = await pid_of(workers)
        async with workers.job(do="hang") as job:
            busy = (await first_result(job))["pid"]
            assert isinstance(busy, int)
            await workers.aclose()
            with pytest.raises(EngineError):
                await results(job)
        assert not is_running(idle)
        assert not is_running(busy)
        with pytest.raises(EngineError) as failure:
            await pid_of(workers)
        assert failure.value.code == "closed"


async def test_closing_wakes_those_who_wait() -> None:
    async with pool() as workers, workers.job(do="echo"):
        waiting = asyncio.create_task(pid_of(workers))
        await asyncio.sleep(0)
        await workers.aclose()
        with pytest.raises(EngineError) as failure:
            await waiting
        assert failure.value.code == "closed"


async def test_workers_end_with_a_server_that_is_killed() -> None:
    script = (
        "import asyncio, tests.unit.test_local_worker as t\n"
        "async def main():\n"
        "    async with t.pool() as workers, workers.job(do='hang') as job:\n"
        "        print((await t.first_result(job))['pid'], flush=True)\n"
        "        await asyncio.sleep(60)\n"
        "asyncio.run(main())\n"
    )
    server = await asyncio.create_subprocess_exec(sys.executable, "-c", script, stdout=asyncio.subprocess.PIPE)
    assert server.stdout is not None
    pid = int(await server.stdout.readline())
    assert is_running(pid)
    server.kill()
    await server.wait()
    await gone(pid)


def test_the_pool_works_on_uvloop() -> None:
    async def scenario() -> tuple[int, int]:
        async with pool() as workers:
            async with workers.job(do="pour") as job:
                await job.receive()
            before = await pid_of(workers)
            with contextlib.suppress(EngineError):
                async with workers.job(do="exit") as job:
                    await job.receive()
            return before, await pid_of(workers)

    before, after = uvloop.run(scenario())
    assert before != after
    assert not is_running(after)
