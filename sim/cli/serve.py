"""``sim serve``: an S3 endpoint that lags as a scenario's store does."""

import ipaddress
import logging
import re
import threading
from typing import TYPE_CHECKING, Final

import click

from sim.cli import common, complete
from sim.errors import printable

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sim.scenario.schema import Scenario
    from sim.serving.endpoint import Endpoint
    from sim.serving.limits import Limits
    from sim.serving.server import Server

__all__ = ["command"]

_SPEED: Final = re.compile(r"([0-9]+(?:\.[0-9]+)?)x?")
_SPEED_MOST: Final = 1e6
_SECRET: Final = "lagging-store"
_MIB: Final = 1 << 20


@click.command(
    "serve",
    epilog=common.examples(
        "sim serve scenario.toml",
        "sim serve scenario.toml --set store.profile=simpledb-2010 --speed 60x --port 0",
    ),
)
@click.argument("path", metavar="FILE", shell_complete=complete.any_file)
@click.option(
    "--speed",
    metavar="FACTOR",
    default="1x",
    show_default=True,
    help="Simulated time in each second: with 60x a lag of an hour is over in a minute.",
)
@click.option(
    "--from",
    "start",
    metavar="DURATION",
    default="0s",
    show_default=True,
    help="Simulated time of the beginning, which faults go by.",
)
@click.option(
    "--host",
    metavar="ADDRESS",
    default="127.0.0.1",
    show_default=True,
    help="Where to listen; others than this machine only with a secret of your own.",
)
@click.option(
    "--port",
    type=click.IntRange(0, 65535),
    default=9000,
    show_default=True,
    help="0 is any that is free.",
)
@click.option("--bucket", metavar="NAME", default="sim", show_default=True)
@click.option("--access-key", metavar="KEY", default="sim", show_default=True)
@click.option(
    "--secret-key",
    metavar="SECRET",
    default=_SECRET,
    show_default=True,
    envvar="SIM_SERVE_SECRET_KEY",
    show_envvar=True,
)
@click.option(
    "--max-body",
    metavar="MIB",
    type=click.IntRange(1, 5 * 1024),
    default=64,
    show_default=True,
    help="Of one request.",
)
@click.option(
    "--max-bytes",
    metavar="MIB",
    type=click.IntRange(min=1),
    default=1024,
    show_default=True,
    help="Of all objects, and again of all parts of uploads.",
)
@click.option(
    "--max-keys", metavar="N", type=click.IntRange(min=1), default=100_000, show_default=True
)
@click.option("--trial", type=click.IntRange(min=0), default=0, show_default=True)
@click.option("--seed", type=int, help="Seed of trial 0, instead of the file's.")
@common.set_option
@common.allow_outside_option
def command(
    path: str,
    *,
    speed: str,
    start: str,
    host: str,
    port: int,
    bucket: str,
    access_key: str,
    secret_key: str,
    max_body: int,
    max_bytes: int,
    max_keys: int,
    trial: int,
    seed: int | None,
    assignments: tuple[str, ...],
    allow_outside: bool,
) -> int:
    """Serve an S3 bucket that lags as the store of a scenario does.

    Nobody of the scenario is there, only its store and faults. What is written is kept in memory
    until Ctrl-C. As FILE, - is standard input. Needs the extra "serve".
    """
    from sim.serving import SERVE_EXTRA, has_libraries

    if not has_libraries():
        raise click.UsageError(SERVE_EXTRA)
    from sim.serving.clock import WallClock
    from sim.serving.limits import Limits
    from sim.serving.signatures import KeyPair

    _check_names(bucket, access_key, secret_key)
    _check_host(host, is_own_secret=secret_key != _SECRET)
    clock = WallClock(speed=_factor(speed), start_us=_start_us(start))
    overrides = common.override_options(seed=seed, trials=None, assignments=assignments)
    (scenario,) = common.read_scenarios([path], overrides, allow_outside=allow_outside)
    limits = Limits(body_bytes=max_body * _MIB, held_bytes=max_bytes * _MIB, keys=max_keys)
    from sim.serving.bucket import ServedBucket
    from sim.serving.endpoint import Endpoint

    endpoint = Endpoint(
        scenario,
        ServedBucket(scenario, trial=trial, clock=clock, limits=limits),
        name=bucket,
        own=KeyPair(access_key, secret_key),
        limits=limits,
    )
    server = _listening(endpoint, host, port, limits)
    server.start()
    try:
        for line in _lines(scenario, server.url, bucket, access_key, secret_key, speed):
            click.echo(printable(line))
        threading.Event().wait()
    finally:
        server.close()
    return 0


def _factor(text: str) -> float:
    matched = _SPEED.fullmatch(text)
    if matched is None or not 0.0 < float(matched[1]) <= _SPEED_MOST:
        message = f"{text!r} is no factor between 0 and a million, such as 60x"
        raise click.BadParameter(message, param_hint="--speed")
    return float(matched[1])


def _start_us(text: str) -> int:
    from sim.core.units import parse_duration

    try:
        return parse_duration(text)
    except ValueError as error:
        raise click.BadParameter(str(error), param_hint="--from") from None


def _check_names(bucket: str, access_key: str, secret_key: str) -> None:
    """Refuse what no client could send."""
    for name, text, pattern in (
        ("--bucket", bucket, r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]"),
        ("--access-key", access_key, r"[A-Za-z0-9_-]{1,64}"),
        ("--secret-key", secret_key, r"[!-~]{1,128}"),
    ):
        if not re.fullmatch(pattern, text):
            shown = "the secret" if name == "--secret-key" else repr(text)
            raise click.BadParameter(f"{shown} does not match {pattern}", param_hint=name)


def _check_host(host: str, *, is_own_secret: bool) -> None:
    try:
        is_loopback = ipaddress.ip_address(host).is_loopback
    except ValueError:
        message = f"{host!r} is no address, such as 127.0.0.1 or 0.0.0.0"
        raise click.BadParameter(message, param_hint="--host") from None
    if not is_loopback and not is_own_secret:
        message = f"{host} can be reached by others: it needs a --secret-key of your own"
        raise click.BadParameter(message, param_hint="--host")


def _listening(endpoint: "Endpoint", host: str, port: int, limits: "Limits") -> "Server":
    from sim.serving.server import Server

    # It would warn of each request that has to wait for another.
    logging.getLogger("waitress.queue").setLevel(logging.ERROR)
    try:
        return Server(endpoint, host=host, port=port, limits=limits)
    except (OSError, OverflowError) as error:
        reason = getattr(error, "strerror", None) or error
        message = f"cannot listen on {host}, port {port}: {reason}"
        raise click.UsageError(message) from None


def _lines(
    scenario: "Scenario", url: str, bucket: str, access_key: str, secret_key: str, speed: str
) -> "Iterator[str]":
    """Say where it is, and how clients get in."""
    yield f"{scenario.name}: {url}/{bucket} until Ctrl-C, at {speed.removesuffix('x')}x"
    yield f"  endpoint    {url}"
    yield f"  bucket      {bucket}"
    yield f"  access key  {access_key}   (or {access_key}-gateway-0, …: another client)"
    yield f"  secret key  {secret_key}"
    yield "  region      any; path-style addresses"
