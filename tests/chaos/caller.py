"""A caller who wants an answer whatever happens: goes on at the other replica from the last event that it saw."""

import asyncio
import json
import re
import time
from collections.abc import AsyncIterator
from contextlib import aclosing
from dataclasses import dataclass, field
from typing import Any

import httpx

from tests.chaos.system import System
from tests.support.wire import Frame, frames

SILENCE = 8.0
"""A stream that brings nothing for so long is taken for dead."""
AGAIN = 0.3
ENDS = {f"TASK_STATE_{name}" for name in ("COMPLETED", "FAILED", "CANCELED", "REJECTED")}
ASKS = "TASK_STATE_INPUT_REQUIRED"
REASONS = {
    "three times": "failed: three replicas were lost over it",
}
"""Ends that a task may come to under chaos: words of the reason that its caller is told, and what it is called."""
NOBODY = (0, 0.0, 0.0)
WORKER = re.compile(r" by (\d+) at ([\d.]+)$")


class Refused(Exception):
    """The answer is final: asking again would not help."""


@dataclass
class Caller:
    """One task, with a webhook if it is `pushed`.

    `seen` are its events by number, `end` is the last one's, `cut` counts the streams that broke, `wrong` what should
    not be. `workers` are the agent's processes that worked it, with the times of their first and last words; `sends`
    counts requests that may have made a task or a turn without our hearing of it.
    """

    system: System
    name: str
    kind: str
    steps: int
    headers: dict[str, str]
    pushed: bool = False
    task_id: str = ""
    last: int = 0
    state: str = ""
    asked: bool = False
    cut: int = 0
    silence: float = 0.0
    sends: int = 0
    end: int = 0
    seen: dict[int, Any] = field(default_factory=dict)
    workers: list[tuple[int, float, float]] = field(default_factory=list)
    wrong: dict[str, list[str]] = field(default_factory=dict)

    def blame(self, what: str, detail: str) -> None:
        self.wrong.setdefault(what, []).append(f"{self.name} ({self.task_id}): {detail}")

    async def run(self) -> None:
        try:
            await self._said("ask" if self.kind == "ask" else "steps")
            await self._until_rest()
            if self.state == ASKS and self.kind == "ask":
                self.asked = True
                self.workers.append(NOBODY)  # who works the next turn takes nothing over
                await self._said("answer")
                await self._until_rest()
        except Refused as refusal:
            self.blame("lost" if self.task_id else "wrong answers", str(refusal))

    async def _said(self, word: str) -> None:
        """Sends until it is accepted, and follows its stream."""
        text = f"{word} {self.name}" if word == "ask" else f"{word} {self.name} {self.steps}"
        message = {"messageId": f"{self.name}-{word}", "role": "ROLE_USER", "parts": [{"text": text}]}
        message |= {"taskId": self.task_id} if self.task_id else {"contextId": self.name}
        body: dict[str, Any] = {"message": message}
        if self.pushed and not self.task_id:
            webhook = {"url": f"{self.system.receiver.url}/{self.name}"}
            body["configuration"] = {"taskPushNotificationConfig": webhook}
        key = {"Idempotency-Key": f"{self.name}-{word}"}
        before = self.last
        while True:
            self.sends += 1
            try:
                async for frame in self._stream("POST", "/message:stream", key, body):
                    first = not self.task_id or self.last == before
                    self._heard(frame, snapshot=first)
                    before = -1
                    if self._rests(frame, snapshot=first):
                        return
                self.cut += before == -1
            except Refused:
                if not self.asked:
                    raise
                return  # an earlier try was heard, and the task has ended meanwhile
            if before == -1:
                return
            await asyncio.sleep(AGAIN)

    async def _until_rest(self) -> None:
        while self.state not in ENDS and not (self.state == ASKS and not self.asked):
            if self.kind == "cancel" and len(self.seen) > 4:
                await self._cancel()
            first = True
            cursor = {"Last-Event-ID": str(self.last)}
            async for frame in self._stream("GET", f"/tasks/{self.task_id}:subscribe", cursor):
                if first and frame.number != self.last:
                    self.blame("gaps", f"asked to go on from {self.last}, the stream began at {frame.number}")
                self._heard(frame, snapshot=first)
                if self._rests(frame, snapshot=first):
                    return
                first = False
            self.cut += 1
            await asyncio.sleep(AGAIN)

    async def _cancel(self) -> None:
        for _ in range(60):
            try:
                answer = await self._http("POST", f"/tasks/{self.task_id}:cancel", json={})
                if answer.status_code < 500 or answer.status_code == httpx.codes.NOT_IMPLEMENTED:
                    self.kind = "canceled"
                    return
            except httpx.HTTPError:
                pass
            await asyncio.sleep(AGAIN)

    def _heard(self, frame: Frame, *, snapshot: bool) -> None:
        assert frame.number is not None
        if "task" in frame.data:
            task = frame.data["task"]
            if self.task_id and task["id"] != self.task_id:
                self.blame("wrong answers", f"the stream is that of {task['id']}")
            self.task_id = task["id"]
        if not snapshot:
            if frame.number != self.last + 1:
                self.blame("gaps", f"{frame.number} came after {self.last}")
            self._new(frame)
        elif frame.number > self.last + 1 and self.last:
            pass  # what happened before a further message was taken: the replay at the end looks at it
        self.last = frame.number

    def _new(self, frame: Frame) -> None:
        assert frame.number is not None
        if frame.number in self.seen:
            self.blame("repeats", f"{frame.number} came twice")
        self.seen[frame.number] = frame.data
        text = _text(frame.data)
        if found := WORKER.search(text):
            pid, now = int(found[1]), float(found[2])
            if self.workers and self.workers[-1][0] == pid:
                self.workers[-1] = (pid, self.workers[-1][1], now)
            else:
                self.workers.append((pid, now, now))

    def _rests(self, frame: Frame, *, snapshot: bool) -> bool:
        self.state = _state(frame.data) or self.state
        return (
            self.state in ENDS
            or (self.state == ASKS and not snapshot)
            or (self.kind == "cancel" and len(self.seen) > 4)
        )

    async def _stream(self, method: str, path: str, headers: dict[str, str], body: Any = None) -> AsyncIterator[Frame]:
        """Frames until the stream ends or breaks. Raises `Refused`."""
        silence = httpx.Timeout(5.0, read=SILENCE)
        try:
            async with self.system.http.stream(
                method, self._base() + path, headers={**self.headers, **headers}, json=body, timeout=silence
            ) as response:
                if response.status_code != httpx.codes.OK:
                    text = (await response.aread()).decode()
                    if response.status_code < 500:
                        raise Refused(f"{method} {path} was answered with {response.status_code}: {text[:300]}")
                    return
                heard = time.monotonic()
                async with aclosing(frames(response)) as found:
                    async for frame in found:
                        if frame.event == "error" or frame.number is None:
                            return
                        self.silence = max(self.silence, time.monotonic() - heard)
                        heard = time.monotonic()
                        yield frame
        except httpx.HTTPError:
            return

    def _base(self) -> str:
        """A replica that seems to be up; another one after each cut."""
        ready = [replica for replica in self.system.orchestrators if replica.ready] or self.system.orchestrators
        return ready[(self.cut + self.sends) % len(ready)].url

    async def _http(self, method: str, path: str, **options: Any) -> httpx.Response:
        return await self.system.http.request(
            method, self._base() + path, headers=self.headers, timeout=SILENCE, **options
        )

    async def check(self) -> None:
        """Reads it all again at both replicas, now that it is over."""
        if not self.task_id:
            self.blame("without an end", "nothing was accepted")
            return
        for replica in self.system.orchestrators:
            await self._replay(replica.url)
        answer = await self._http("GET", f"/tasks/{self.task_id}")
        if answer.status_code != httpx.codes.OK:
            self.blame("lost", f"GetTask says {answer.status_code}: {answer.text[:200]}")
            return
        self._judge(answer.json())

    async def _replay(self, url: str) -> None:
        headers = {**self.headers, "Last-Event-ID": "1"}
        found: list[Frame] = []
        async with self.system.http.stream(
            "GET", f"{url}/tasks/{self.task_id}:subscribe", headers=headers, timeout=SILENCE
        ) as response:
            if response.status_code == httpx.codes.OK:
                async for frame in frames(response):
                    found.append(frame)
                    if _state(frame.data) in ENDS:
                        break
        numbers = [frame.number for frame in found]
        if numbers != list(range(1, len(found) + 1)):
            self.blame("gaps", f"the replay is numbered {numbers}")
        changed = [frame.number for frame in found if self.seen.get(frame.number or 0, frame.data) != frame.data]
        if changed:
            self.blame("repeats", f"the events {changed} are not what they were")
        self.end = len(found)
        self._ends([_state(frame.data) for frame in found[1:]])

    def check_notifications(self) -> None:
        receiver = self.system.receiver
        if missing := receiver.missing(self.name, self.end):
            self.blame("notifications missing", f"{missing} of {self.end}")
        for detail in receiver.disorder(self.name):
            self.blame("notifications out of order", detail)

    def _ends(self, states: list[str]) -> None:
        ends = [state for state in states if state in ENDS]
        if not ends:
            self.blame("without an end", f"the states are {states}")
        elif len(ends) > 1 or states[-1] not in ENDS:
            self.blame("ends twice", f"the states are {states}")

    def _judge(self, task: dict[str, Any]) -> None:
        state = task["status"]["state"]
        text = "".join(
            part.get("text", "") for artifact in task.get("artifacts", []) for part in artifact.get("parts", [])
        )
        whole = "".join(f"{self.name}-{number} " for number in range(self.steps))
        said = json.dumps(task["status"].get("message", {}).get("parts", []))
        if self.kind == "canceled" and state == "TASK_STATE_CANCELED":
            if not whole.startswith(text):
                self.blame("wrong answers", f"canceled with {text!r}")
        elif state == "TASK_STATE_FAILED" and (reason := next((name for name in REASONS if name in said), "")):
            self.blame(REASONS[reason], said)
        elif state != "TASK_STATE_COMPLETED" or text != whole:
            self.blame("wrong answers", f"{state} with {text!r}: {said}")


def _state(data: dict[str, Any]) -> str:
    event = data.get("task") or data.get("statusUpdate") or {}
    return str(event.get("status", {}).get("state", ""))


def _text(data: dict[str, Any]) -> str:
    parts = data.get("statusUpdate", {}).get("status", {}).get("message", {}).get("parts", [])
    return "".join(part.get("text", "") for part in parts)
