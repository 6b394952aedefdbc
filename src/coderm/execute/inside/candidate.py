"""The candidate's side of split mode: a nursery that never sees a test, and the processes it forks.

The nursery is forked before the tests are read. Each candidate process holds one end of a socket and nothing else:
no test, no expected value, no verdict. It answers calls with plain data (`plain.py`); what is not plain stays here
under a number, its handle. Everything that arrives at the judge from here is treated as hostile.
"""

from __future__ import annotations

import asyncio
import contextvars
import functools
import gc
import hashlib
import inspect
import marshal
import os
import resource
import socket
import sys
import time
import types
from collections.abc import Callable
from typing import Any, NoReturn

from . import seccomp
from .house import House
from .lent import LENT, JudgeCallable, Surroundings
from .limits import limit_resources
from .line import Gone, Line, fingerprint
from .named import EXCEPTIONS, RAISED, name_of, named
from .operations import OPERATIONS
from .plain import Decoder, Encoder, Malformed, is_mutable, refill
from .reach import Reach, bare, reach
from .telling import tell
from .watch import reap_orphans


def nursery(control: socket.socket, memory: int, processes: int | None) -> NoReturn:
    """Fork a candidate process for every `n` on the control socket; end what is left of the last for every `e`."""
    seccomp.protect()
    limit_resources(memory, processes)
    while True:
        order = control.recv(1)
        if not order:
            os._exit(0)
        reap_orphans()
        if order == b"n":
            ours, theirs = socket.socketpair()
            pid = os.fork()
            if pid == 0:
                try:
                    control.close()
                    ours.close()
                    seccomp.install()
                    os.register_at_fork(after_in_child=theirs.close)  # a child cannot answer for it once it has ended
                    Candidate(Line(theirs)).serve()
                finally:
                    os._exit(0)
            theirs.close()
            socket.send_fds(control, [pid.to_bytes(4, "little")], [ours.fileno()])
            ours.close()
        else:
            control.send(b"e")


_ANSWER_PAGES = (8 << 20) // resource.getpagesize()


class Again(Exception):
    """This process cannot be put back as it was: the judge must ask for a new one."""


class Candidate:
    """Serves the calls of one judge."""

    def __init__(self, line: Line) -> None:
        self._line = line
        self._code: types.CodeType | None = None
        self._reach = Reach(True, False)
        self._marked = False  # a solution that marks what it imports has run here
        self._house = House(scratch=())  # the judge empties the scratch: the test may have put something there
        self._forget()

    def _forget(self) -> None:
        self._module = types.ModuleType("solution")
        self._handles: dict[int, Any] = {}
        self._numbers: dict[int, int] = {}
        self._lent: dict[tuple[Any, str], tuple[Any, list[Any]]] = {}
        self._loop: asyncio.AbstractEventLoop | None = None

    def serve(self) -> None:
        """Answer until the judge hangs up."""
        clean = contextvars.copy_context()
        context = clean.copy()
        while True:
            try:
                message = self._line.receive()
                if message[0] != "do" or message[1]:  # a pair begins: settings of decimal and numpy live in contexts
                    context = clean.copy()
                answer = context.run(self._answer, message)
                try:
                    self._line.send(answer)
                except Malformed as error:
                    self._line.send(["bad", str(error)])
            except Gone:
                return

    def _answer(self, message: list[Any]) -> Any:
        try:
            if message[0] == "compile":
                return self._compile(message[1])
            if message[0] == "load":
                return self._guarded(self._load)
            if message[0] == "ahead":
                return self._ahead(*message[1:])
            return self._guarded(functools.partial(self._do, *message[1:]))
        except Again:
            return ["again"]
        except Malformed as error:
            return ["bad", str(error)]

    def _compile(self, text: str) -> Any:
        """Compile the next candidate: its digest and whether it may share this process with others.

        What the one before left is collected here, where nothing is charged to a pair of this one's.
        """
        self._code = None
        sys.modules.pop("solution", None)
        self._forget()
        gc.collect()
        try:
            code = compile(text, "<solution>", "exec", dont_inherit=True)
        except Exception as error:
            return ["error", f"{type(error).__name__}: {str(error)[:200]}"]
        self._code, self._reach = code, reach(code)
        return ["ok", self._reach.plain, hashlib.blake2b(marshal.dumps(bare(code)), digest_size=16).hexdigest()]

    def _fresh(self) -> None:
        """A fresh namespace with the solution executed in it."""
        self._forget()
        self._house.forget()
        self._house.reclaim()  # what the pair before left in cycles
        if self._marked or (not self._reach.plain and not self._house.tidy()):
            raise Again
        self._marked = self._reach.marks
        if self._reach.random:
            self._house.seed()
        sys.modules["solution"] = self._module
        assert self._code is not None
        exec(self._code, self._module.__dict__)

    def _load(self) -> Any:
        self._fresh()
        return ["names", {name: self._kind(value) for name, value in list(vars(self._module).items())
                          if type(name) is str and not (name.startswith("__") and name.endswith("__"))}]

    def _kind(self, value: Any) -> Any:
        """How the judge has to stand in for a name of the solution."""
        if name_of(value) is not None:
            return ["named"]
        if isinstance(value, type):
            return None if value.__module__ != "solution" else ["class", *self._ancestry(value)]
        if isinstance(value, types.ModuleType):
            return None
        if inspect.iscoroutinefunction(value):
            return ["async"]
        return ["function"] if callable(value) else ["value"]

    @staticmethod
    def _ancestry(kind: type) -> tuple[list[str], str | None]:
        """Names of the class and its ancestors that the candidate defined, and of the known exception they end in."""
        own, builtin = [], None
        for base in kind.__mro__:
            if issubclass(base, BaseException) and (builtin := name_of(base)) is not None:
                break
            if base is not object:
                own.append(base.__qualname__)
        return own, builtin

    # -- calls ---------------------------------------------------------------------------------------------

    def _ahead(self, seconds: float, scripts: list[list[Any]]) -> Any:
        """Answers to the messages of several pairs, as many pairs as fit into the time, and the CPU time of each.

        With each message comes the fingerprint of the answer that the next one was made from: where this candidate's is
        another it hears no more of that pair, for what follows may be made of another candidate's answers.
        """
        told: list[list[Any]] = []
        begun = now = time.process_time_ns()
        room = self._house.address_space() + _ANSWER_PAGES  # answers must not cost a later pair its memory
        for script in scripts:
            context = contextvars.copy_context()
            told.append([])
            for message, expected in script:
                before, answer = now, context.run(self._answer, message)
                now = time.process_time_ns()
                told[-1].append([now - before, answer])
                if expected and fingerprint(answer) != expected:
                    break
            if now - begun > seconds * 1e9 or self._house.address_space() > room:
                break
        return ["told", told]

    def _guarded(self, work: Callable[[], Any]) -> Any:
        try:
            return work()
        except (Again, Gone, Malformed):
            raise
        except BaseException as error:  # SystemExit and all: the judge decides what it means
            return ["raised", self._exception(error)]

    def _exception(self, error: BaseException) -> Any:
        return tell(error, self._ancestry, self._keep)

    def _do(self, fresh: bool, how: str, target: Any, arguments: Any, keywords: Any, surroundings: Any) -> Any:
        if fresh:
            self._fresh()
        decoder = Decoder(self._from_judge)
        args = [decoder.decode(a) for a in arguments]
        kwargs = {k: decoder.decode(v) for k, v in keywords.items()}
        before = self._contents(decoder.objects)
        around = Surroundings(self, surroundings) if surroundings else None
        kind = "value"
        try:
            if around:
                with around:
                    result = self._operate(how, target, args, kwargs)
            else:
                result = self._operate(how, target, args, kwargs)
            encoder = Encoder(self._strange, decoder.objects)
            body = encoder.encode(result)
        except (Again, Gone, Malformed):
            raise
        except BaseException as error:  # SystemExit and all: the judge decides what it means
            kind, body = "raised", self._exception(error)
        after = self._contents(decoder.objects)
        changed = [] if after == before else [[i, c] for i, c in enumerate(after) if c != before[i]]
        return [kind, body, changed, around.printed() if around else None]

    def _contents(self, containers: list[Any]) -> list[Any]:
        """What is in each of the caller's containers, as it would travel."""
        if not containers:
            return []
        encoder = Encoder(self._strange, containers)
        return [encoder.contents(container) for container in containers]

    def _operate(self, how: str, target: Any, args: list[Any], kwargs: dict[str, Any]) -> Any:
        thing = self._target(target)
        if how == "get_name":
            return self._lend(target, "", thing)
        if how == "refill":
            return self._refill(target, *args)
        if how == "call":
            return thing(*args, **kwargs)
        if how == "method":
            return getattr(thing, args[0])(*args[1:], **kwargs)
        if how == "await":
            return self._await(thing)
        if how == "await_call":
            return self._await(thing(*args, **kwargs))
        if how == "get":
            value = getattr(thing, args[0])
            is_method = callable(value) and not isinstance(value, type)
            if is_method:
                return _METHOD_ASYNC if inspect.iscoroutinefunction(value) else _METHOD
            return self._lend(target, args[0], value)
        return OPERATIONS[how](thing, *args)

    def _lend(self, target: Any, name: str, value: Any) -> Any:
        """The judge gets a copy; remember of which container, and what was in it."""
        if is_mutable(value):
            self._lent[target, name] = value, self._contents([value])
        return value

    def _refill(self, target: Any, name: str, new: Any) -> None:
        """The test has changed its copy of what was lent under that name."""
        value, before = self._lent[target, name]
        if self._contents([value]) != before:
            raise RuntimeError(f"test and solution have both changed {name or target}: in split mode one would be lost")
        refill(value, new)
        self._lent[target, name] = value, self._contents([value])

    def _await(self, awaitable: Any) -> Any:
        if self._loop is None:
            self._loop = asyncio.new_event_loop()
        return self._loop.run_until_complete(_waited(awaitable))

    def _target(self, target: Any) -> Any:
        if isinstance(target, str):
            try:
                return vars(self._module)[target]
            except KeyError:
                raise NameError(f"name {target!r} is not defined") from None
        return self._handles[target]

    # -- what is not plain ---------------------------------------------------------------------------------

    def _keep(self, value: Any) -> int:
        number = self._numbers.get(id(value))
        if number is None or self._handles.get(number) is not value:
            number = len(self._handles)
            self._handles[number] = value
            self._numbers[id(value)] = number
        return number

    def _strange(self, value: Any) -> Any:
        if value is _METHOD or value is _METHOD_ASYNC:
            return ["m", value is _METHOD_ASYNC]
        if isinstance(value, JudgeCallable):
            return ["j", value.number]
        if isinstance(value, type):
            return ["k", self._keep(value), *self._ancestry(value)]
        if issubclass(type(value), BaseException):
            return ["x", self._exception(value)]
        return ["h", self._keep(value), *self._ancestry(type(value))]

    def _from_judge(self, node: list[Any]) -> Any:
        if node[0] == "j":
            return LENT[node[2]](self, node[1], *node[3:])
        if node[0] == "e":
            return EXCEPTIONS[node[1]](*node[2])
        if node[0] == "h":
            return self._target(node[1])
        if node[0] == "y":
            return named(node[1])
        raise Malformed(f"an unknown tag {node[0]!r}")

    def ask_judge(self, number: int, how: str, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """Call back into the judge: only plain data crosses."""
        encoder = Encoder(self._strange)
        self._line.send(["back", number, how, [encoder.encode(a) for a in args],
                         {k: encoder.encode(v) for k, v in kwargs.items()}])
        while True:
            message = self._line.receive()
            if message[0] == "value":
                return Decoder(self._from_judge).decode(message[1])
            if message[0] == "raised":
                error = EXCEPTIONS.get(message[1], Exception)(*message[2])
                setattr(error, RAISED, message[3])  # goes back with it: the judge knows its own again
                raise error
            self._line.send(self._answer(message))  # the judge's function calls the candidate in turn


_METHOD, _METHOD_ASYNC = object(), object()


async def _waited(awaitable: Any) -> Any:
    return await awaitable
