"""The command line: arguments, progress and exit codes, nothing else.

Commands live in modules of their own that are imported when they run; listing them imports
nothing. Exit codes: 0 every expectation holds, 1 one does not, 2 the input is wrong, 3 unknown,
130 interrupted.
"""

import contextlib
import errno
import gc
import importlib
import io
import keyword
import os
import signal
import sys
from collections.abc import Callable, Iterator, Sequence
from types import FrameType
from typing import Any, Final, NoReturn

import click

from sim import __version__
from sim.cli import terminal
from sim.core.collector import collect_seldom
from sim.errors import EXIT_BAD_INPUT, EXIT_INTERRUPTED, EXIT_UNKNOWN, RunInterrupted, SimError

__all__ = ["cli", "main", "module_of"]

COMMANDS: Final = {
    "run": "Simulate scenarios and judge their expectations.",
    "sweep": "Run a scenario at many settings of one or more keys.",
    "plan": "Say what would run, and run nothing.",
    "compare": "Compare two results, or scenarios, and what they cost.",
    "runs": "Show the runs of a folder, and what they found.",
    "check": "Check scenarios without running them.",
    "stores": "List the named stores, or show one.",
    "presets": "List the schemes, settings and systems that are shipped, or show one.",
    "init": "Write a small scenario to start from.",
    "import": "Write a scenario of a bucket that there is.",
    "schema": "Print the JSON Schema of scenarios, or of results.",
    "advise": "Find the smallest delays that meet objectives.",
    "worst": "Attack what must never happen; chance decides against the scenario.",
    "explain": "Tell how one query failed, or why an object is still there.",
    "rare": "Estimate how likely a failure is that hardly any trial has.",
    "knobs": "Say which keys matter most, over ranges of all of them.",
    "trace": "Write the trace of one trial as JSON lines.",
    "history": "Say what clients of the store see, and how consistent it is.",
    "serve": "Serve an S3 bucket that lags as the store of a scenario does.",
}
"""Name and one-line help of every command; its module is `module_of` its name."""

# Set by a shell that wants to know how a line may go on; the name is click's choice.
_COMPLETE: Final = "_SIM_COMPLETE"

# What a shell reports for a program whose reader went away (128 + SIGPIPE).
_EXIT_NO_READER: Final = 141
# An interrupted run must be over within a second; this is for the orderly way out.
_UNWINDING_S: Final = 0.6


def module_of(command: str) -> str:
    """Name of the module of a command; what is a word of Python has an underscore behind."""
    return f"sim.cli.{command}{'_' * keyword.iskeyword(command)}"


class _LazyGroup(click.Group):
    """A group whose commands are imported when they are called."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        command = importlib.import_module(module_of(cmd_name)).command
        assert isinstance(command, click.Command)
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        # Click guesses among the commands that are imported, which here are none.
        is_wrong = args[0] not in COMMANDS and not args[0].startswith("-")
        if is_wrong and not ctx.resilient_parsing:
            import difflib

            near = difflib.get_close_matches(args[0], COMMANDS, n=1)
            guess = f" Did you mean {near[0]!r}?" if near else ""
            ctx.fail(f"No such command {args[0]!r}.{guess}")
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))

    def invoke(self, ctx: click.Context) -> Any:
        try:
            code = super().invoke(ctx)
            terminal.flush_or_drop()
        except OSError as error:
            if error.errno != errno.EPIPE:
                raise
            with contextlib.suppress(OSError):
                terminal.flush_or_drop()
            return _EXIT_NO_READER
        return code


@click.group(
    cls=_LazyGroup,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)
@click.version_option(__version__, "-V", "--version", prog_name="sim")
def cli() -> None:
    """Simulate deletion in an object store: how often do queries fail, what does waiting cost."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the program and return its exit code.

    Parameters
    ----------
    arguments : sequence of str or None
        Command line without the program's name; None takes the process's own.
    """
    is_own_process = arguments is None
    if is_own_process:
        collect_seldom()
    terminal.prepare_streams()
    if _COMPLETE in os.environ:
        from sim.cli.shells import register

        register()
    with _interrupts_handled(is_own_process=is_own_process) as was_interrupted:
        try:
            return _exit_code(arguments, was_interrupted)
        except (KeyboardInterrupt, click.Abort, RunInterrupted) as error:
            _fail(str(error) or "interrupted", EXIT_INTERRUPTED)
            if is_own_process:
                # The error still holds all that was being built, and to free it can take minutes.
                _leave()
    return EXIT_INTERRUPTED


def _exit_code(arguments: Sequence[str] | None, was_interrupted: Callable[[], bool]) -> int:
    """Run the program and turn everything but an interruption into an exit code."""
    try:
        code = cli.main(arguments, prog_name="sim", standalone_mode=False)
        terminal.flush_or_drop()
    except (click.Abort, RunInterrupted):
        raise
    except click.ClickException as error:
        text = io.StringIO()
        error.show(text)
        terminal.show_error(text.getvalue().rstrip("\n"))
        return error.exit_code
    except SimError as error:
        return _fail(str(error), error.exit_code)
    except OSError as error:
        try:
            terminal.flush_or_drop()
        except OSError as unwritten:
            error = error if error.filename else unwritten
        where = f"{error.filename}: " if error.filename else ""
        return _fail(f"{where}{error.strerror or error}", EXIT_BAD_INPUT)
    except MemoryError:
        return _fail("out of memory; nothing can be concluded", EXIT_UNKNOWN)
    except Exception:
        if was_interrupted():
            # Compiled code may have made another error of the interrupt.
            raise KeyboardInterrupt from None
        import traceback

        traceback.print_exc()
        author = _author(traceback.format_exc())
        whose = f"this is a fault of {author}" if author else "this is a fault of sim itself"
        return _fail(f"{whose}; nothing can be concluded", EXIT_UNKNOWN)
    return code if isinstance(code, int) else 0


def _author(told: str) -> str:
    """File of somebody else's scheme that a traceback goes through last; empty without one."""
    from sim.scenario.language.outside import outside_files

    places = {path: told.rfind(f'File "{path}"') for path in outside_files()}
    last = max(places, key=places.__getitem__, default="")
    return last if last and places[last] >= 0 else ""


def _fail(message: str, code: int) -> int:
    terminal.show_error(f"sim: {message}")
    return code


@contextlib.contextmanager
def _interrupts_handled(*, is_own_process: bool) -> Iterator[Callable[[], bool]]:
    """Let a request to terminate unwind the program as Ctrl-C does, and both end it in time.

    Unwinding removes temporary files and ends workers. Where it does not come through, because
    much is freed on the way or a destructor swallows the interrupt, a process of our own is ended
    without it; the next run removes what is left. Gives whether one has come.
    """
    came: list[int] = []

    def interrupt(number: int, frame: FrameType | None) -> None:
        came.append(number)
        # One is enough: a second must not break the cleaning up after the first.
        for other in before:
            signal.signal(other, signal.SIG_IGN)
        if is_own_process:
            # Nothing that is there needs to be looked through for garbage any more.
            gc.freeze()
            if hasattr(signal, "setitimer"):
                signal.signal(signal.SIGALRM, lambda *_: _leave())
                signal.setitimer(signal.ITIMER_REAL, _UNWINDING_S)
        raise KeyboardInterrupt

    names = [name for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name)]
    before: dict[int, Any] = {}
    with contextlib.suppress(ValueError):  # not the main thread: somebody else's signals
        for number in (getattr(signal, name) for name in names):
            if signal.getsignal(number) is not signal.SIG_IGN:
                before[number] = signal.signal(number, interrupt)
    try:
        yield lambda: bool(came)
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _leave() -> NoReturn:
    """End the process now, and its workers; frees nothing and runs no destructor."""
    multiprocessing = sys.modules.get("multiprocessing")
    for child in multiprocessing.active_children() if multiprocessing else ():
        child.kill()
    for stream in (sys.stdout, sys.stderr):
        # Nobody may be reading, or the interrupt came while it was written to.
        with contextlib.suppress(OSError, ValueError, RuntimeError):
            stream.flush()
    os._exit(EXIT_INTERRUPTED)
