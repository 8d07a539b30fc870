"""Every rule of the scenario language: what it lets through, and its whole message otherwise."""

from __future__ import annotations

from typing import Any

import pytest

from sim.errors import Problem, ScenarioError
from sim.scenario.load import build

Raw = dict[str, Any]

QUERY: Raw = {"name": "day", "rate": "1/s", "range": "1d"}
AT_ONCE: Raw = {"name": "at once", "kind": "immediate"}
MARK: Raw = {"name": "mark", "kind": "deletion-mark"}
OUTAGE: Raw = {"kind": "gateway-outage", "target": 0, "at": "1d", "lasts": "1h"}
BY_HAND: Raw = {"kind": "mark", "at": "1d"}
ERRORS: Raw = {"kind": "store-errors", "at": "1d", "lasts": "1h"}
QUORUM: Raw = {
    "n": 3,
    "r": 1,
    "w": 1,
    "write": "2ms",
    "ack": "1ms",
    "read": "1ms",
    "response": "1ms",
}
OUTCOMES = (
    '"query-error", "partial-response", "silent-gap", "duplicated", "warned", "ok", '
    '"duplicate-compaction", "compactor-halt", "compactor-error", "lost-block", '
    '"dangling-block", "leaked-block", "orphan-mark", "dangling-reference", "left-behind"'
)
LAW = 'must be a duration with a unit such as "5m", or a law such as {law = "uniform", …}'
DURATION = 'must be a duration with a unit such as "5m"'


def raw(**changes: Any) -> Raw:
    """The smallest scenario, with some top-level keys replaced."""
    base: Raw = {"schema": 1, "name": "small", "horizon": "10d"}
    return base | {"queries": [QUERY], "schemes": [AT_ONCE]} | changes


def messages(**changes: Any) -> list[str]:
    """What is said about the smallest scenario with some top-level keys replaced."""
    with pytest.raises(ScenarioError) as caught:
        build(raw(**changes))
    return [str(problem) for problem in caught.value.problems]


REFUSED: list[tuple[Raw, str]] = [
    # Values.
    ({"schema": 2}, "schema=2 must be 1, the only version there is"),
    ({"schema": True}, "schema=True must be 1, the only version there is"),
    ({"schema": 1.0}, "schema=1.0 must be 1, the only version there is"),
    ({"name": ""}, "name='' must not be empty"),
    ({"name": 7}, "name=7 must be a text"),
    ({"trials": True}, "trials=True must be a whole number"),
    ({"trials": 2.0}, "trials=2.0 must be a whole number"),
    ({"trials": 0}, "trials=0 must be at least 1"),
    ({"trials": 10**10}, "trials=10000000000 must be at most 1000000000"),
    ({"seed": -1}, "seed=-1 must be at least 0"),
    ({"horizon": "0s"}, "horizon='0s' must be longer than 0s"),
    ({"horizon": 30}, f"horizon=30 {DURATION}"),
    ({"horizon": True}, f"horizon=True {DURATION}"),
    ({"horizon": "30"}, f"horizon='30' {DURATION}; did you mean \"30s\"?"),
    ({"horizon": "-3d"}, f"horizon='-3d' {DURATION}; durations have no sign"),
    (
        {"horizon": "1.5d"},
        f'horizon=\'1.5d\' {DURATION}; durations have no fractions: "1h30m", not "1.5h"',
    ),
    ({"horizon": "4000000d"}, f"horizon='4000000d' {DURATION}; the longest is 3335999 days"),
    (
        {"warmup": {"law": "exponential", "mean": "1d"}},
        f"warmup={{'law': 'exponential', 'mean': '1d'}} {DURATION}; "
        "a policy has one value, so no law but a constant; what takes time may have any",
    ),
    (
        {"warmup": {"law": "constant", "mean": "1d"}},
        f"warmup={{'law': 'constant', 'mean': '1d'}} {DURATION}; "
        "a constant has a value, and may have plus and at_most",
    ),
    (
        {"warmup": {"law": "constant", "value": "1"}},
        f"warmup={{'law': 'constant', 'value': '1'}} {DURATION}; did you mean \"1s\"?",
    ),
    ({"store": 5}, "store=5 must be a table"),
    (
        {"store": {"read_from": "nearby"}},
        'store.read_from=\'nearby\' must be one of "any", "sticky", "nearest"; '
        'did you mean "nearest"?',
    ),
    ({"store": {"primary": 1}}, "store.primary=1 must be true or false"),
    ({"store": {"error_rate": 1.5}}, "store.error_rate=1.5 must be at most 1"),
    ({"store": {"error_rate": -0.5}}, "store.error_rate=-0.5 must be at least 0"),
    ({"store": {"error_rate": "0"}}, "store.error_rate='0' must be a number"),
    ({"store": {"acks": -1}}, "store.acks=-1 must be at least 0"),
    (
        {"store": {"profile": "s3-pre2020"}},
        'store.profile=\'s3-pre2020\' must be one of "strong", "s3", "gcs", "azure-blob", "r2", '
        '"minio", "ceph-rgw", "tigris", "s3-pre-2020", '
        '"s3-us-standard-2014", "s3-us-standard-2014-near", "s3-us-west-2014", "gcs-2014", '
        '"swift", "simpledb-2010", "azure-ra-grs", "s3-replication", '
        '"s3-replication-time-control", "gcs-replication", "gcs-replication-turbo", '
        '"thanos-replicate", "garage", '
        '"hadoop-injector", "wars"; did you mean "s3-pre-2020"?',
    ),
    (
        {"producers": {"block_bytes": 512}},
        'producers.block_bytes=512 must be a size with a unit such as "512MiB"',
    ),
    ({"producers": {"retry_after": "0s"}}, "producers.retry_after='0s' must be longer than 0s"),
    ({"producers": {"upload_takes": 5}}, f"producers.upload_takes=5 {LAW}"),
    (
        {"compactor": {"cleanup": "evry 5m"}},
        'compactor.cleanup=\'evry 5m\' must be "in-pass", "end-of-pass" or '
        '"every <duration>" such as "every 5m"; did you mean "every"?',
    ),
    (
        {"compactor": {"cleanup": "every 0s"}},
        'compactor.cleanup=\'every 0s\' must be "in-pass", "end-of-pass" or '
        '"every <duration>" such as "every 5m"',
    ),
    ({"compactor": {"size_ratio": 0}}, "compactor.size_ratio=0 must be above 0"),
    ({"compactor": {"ranges": "2h"}}, "compactor.ranges='2h' must be an array"),
    ({"gateways": {"phase": "unifrom"}}, f"gateways.phase='unifrom' {LAW}"),
    (
        {"queries": [QUERY | {"rate": "0/s"}]},
        "queries[0].rate='0/s' must be a rate above 0 and up to 1000000000/s, "
        'such as "1/s", "30/m" or "0.2/h"',
    ),
    (
        {"queries": [QUERY | {"rate": 1}]},
        "queries[0].rate=1 must be a rate above 0 and up to 1000000000/s, "
        'such as "1/s", "30/m" or "0.2/h"',
    ),
    (
        {"queries": [QUERY | {"streams": "alle"}]},
        'queries[0].streams=\'alle\' must be "all" or a whole number >= 1; did you mean "all"?',
    ),
    (
        {"queries": [QUERY | {"streams": True}]},
        'queries[0].streams=True must be "all" or a whole number >= 1',
    ),
    # Keys and tables.
    ({"queris": []}, 'queris=[] must be a known key; did you mean "queries"?'),
    ({"queries": []}, "queries=[] must hold at least one entry"),
    (
        {"queries": {}},
        "queries={} must be an array of tables; [[queries]] instead of [queries]",
    ),
    ({"schemes": []}, "schemes=[] must hold at least one entry"),
    ({"queries": [5]}, "queries[0]=5 must be a table"),
    (
        {"schemes": [{"name": "a"}]},
        'schemes[0].kind=(missing) must be given; one of "immediate", "deletion-mark", "composed"',
    ),
    (
        {"schemes": [AT_ONCE | {"kind": "imediate"}]},
        'schemes[0].kind=\'imediate\' must be one of "immediate", "deletion-mark", "composed"; '
        'did you mean "immediate"?',
    ),
    (
        {"schemes": [AT_ONCE | {"delete_delay": "1h"}]},
        "schemes[0].delete_delay='1h' must be a known key; there is none with immediate",
    ),
    (
        {"schemes": [MARK | {"delete-delay": "1h"}]},
        "schemes[0].delete-delay='1h' must be a known key; did you mean \"delete_delay\"?",
    ),
    (
        {"schemes": [MARK | {"delete_delay": "-1h"}]},
        f"schemes[0].delete_delay='-1h' {DURATION}; durations have no sign",
    ),
    (
        {"faults": [OUTAGE | {"kind": "outage"}]},
        'faults[0].kind=\'outage\' must be one of "gateway-outage", "producer-crash", '
        '"compactor-crash", "crash", "clock", "store-errors", "request-errors", '
        '"store-lags", "cut-off", "pause", "slow-down"; did you mean "gateway-outage"?',
    ),
    (
        {"faults": [{"kind": "gateway-outage", "at": "1d", "lasts": "1h"}]},
        "faults[0].target=(missing) must be given",
    ),
    (
        {"interventions": [{"kind": "unmarked", "at": "1d"}]},
        'interventions[0].kind=\'unmarked\' must be one of "mark", "unmark", "corrupt-mark", '
        '"no-compact", "delete", "cleanup", "rewrite", "upload"; did you mean "unmark"?',
    ),
    (
        {"interventions": [BY_HAND | {"stream": "al"}]},
        'interventions[0].stream=\'al\' must be "all" or a whole number >= 0; did you mean "all"?',
    ),
    (
        {"interventions": [BY_HAND | {"level": 0}]},
        'interventions[0].level=0 must be "any" or a whole number >= 1',
    ),
    (
        {"interventions": [{"kind": "cleanup", "at": "1d", "which": "all"}]},
        "interventions[0].which='all' must be a known key; there is none with cleanup",
    ),
    (
        {"compactor": {"retention": {"2h": "5d"}}},
        "compactor.retention.2h='5d' must be a known key",
    ),
    (
        {"store": {"lag": {"create": {"lst": "5s"}}}},
        "store.lag.create.lst='5s' must be a known key; did you mean \"list\"?",
    ),
    # Parts that do not fit together.
    ({"warmup": "10d"}, "warmup='10d' must be shorter than horizon; see horizon=\"10d\""),
    (
        {"store": {"acks": 2}},
        "store.acks=2 must be at most replicas; see store.replicas=1 (the default)",
    ),
    (
        {"store": {"primary": True}},
        "store.primary=True must be false unless replicas is at least 2; "
        "gateways read the replicas beside the primary; see store.replicas=1 (the default)",
    ),
    (
        {"store": {"error_rate": 0.7, "lost_answer_rate": 0.4}},
        "store.lost_answer_rate=0.4 must be at most 1 - error_rate; see store.error_rate=0.7",
    ),
    (
        {"store": {"quorum": QUORUM | {"r": 4}}},
        "store.quorum.r=4 must be at most n; see store.quorum.n=3",
    ),
    (
        {"store": {"quorum": QUORUM | {"w": 4}}},
        "store.quorum.w=4 must be at most n; see store.quorum.n=3",
    ),
    (
        {"compactor": {"ranges": []}},
        "compactor.ranges=[] must begin with block_length; "
        'see producers.block_length="2h" (the default)',
    ),
    (
        {"compactor": {"ranges": ["1h"]}},
        "compactor.ranges[0]='1h' must be equal to block_length; "
        'see producers.block_length="2h" (the default)',
    ),
    (
        {"compactor": {"ranges": ["2h", "2h"]}},
        "compactor.ranges[1]='2h' must be longer than the range before it, \"2h\"",
    ),
    (
        {"compactor": {"ranges": ["2h", "8h", "20h"]}},
        "compactor.ranges[2]='20h' must be a multiple of the range before it, \"8h\"",
    ),
    (
        {"compactor": {"downsampling": True, "retention": {"raw": "39h"}}},
        'compactor.retention.raw=\'39h\' must be "0d" or at least "40h" with downsampling; '
        "blocks would go before they are downsampled; see compactor.downsampling=true",
    ),
    (
        {"compactor": {"downsampling": True, "retention": {"5m": "9d"}}},
        'compactor.retention.5m=\'9d\' must be "0d" or at least "10d" with downsampling; '
        "blocks would go before they are downsampled; see compactor.downsampling=true",
    ),
    (
        {"compactor": {"wait_interval": "0s"}},
        "compactor.wait_interval='0s' must be longer than 0s, with any draw",
    ),
    (
        {"gateways": {"sync_interval": {"law": "exponential", "mean": "1us"}}},
        "gateways.sync_interval={'law': 'exponential', 'mean': '1us'} must be longer than 0s, "
        "with any draw",
    ),
    (
        {"gateways": {"sync_interval": {"law": "pareto", "minimum": "1m", "alpha": 1}}},
        "gateways.sync_interval={'law': 'pareto', 'minimum': '1m', 'alpha': 1} must have a "
        'finite mean, or phase be other than "uniform"; see gateways.phase="uniform" (the default)',
    ),
    (
        {"gateways": {"count": 3, "shards": 2}},
        "gateways.count=3 must be a multiple of shards; see gateways.shards=2",
    ),
    (
        {"gateways": {"shards": 2}},
        "gateways.count=1 must be a multiple of shards; see gateways.shards=2",
    ),
    (
        {"gateways": {"sync_stages": {"check": 0.5, "marks": 0.25}}},
        "gateways.sync_stages.marks=0.25 must be at least check; "
        "see gateways.sync_stages.check=0.5",
    ),
    (
        {"gateways": {"sync_stages": {"marks": 0.5, "load": 0.25}}},
        "gateways.sync_stages.load=0.25 must be at least marks; see gateways.sync_stages.marks=0.5",
    ),
    (
        {"compactor": {"sync_stages": {"check": 0.5, "marks": 0.25}}},
        "compactor.sync_stages.marks=0.25 must be at least check; "
        "see compactor.sync_stages.check=0.5",
    ),
    (
        {"compactor": {"sync_stages": {"marks": 1.0}}},
        "compactor.sync_stages.marks=1.0 must be less than 1.0",
    ),
    (
        {"compactor": {"cleanup": "every 5m", "cleanup_interval": "5m"}},
        'compactor.cleanup_interval=\'5m\' must be "0s" where cleanup is "every …"; '
        'such a cleaner deletes partial blocks as well; see compactor.cleanup="every 5m"',
    ),
    (
        {"gateways": {"cache": {"shared": True}, "sync_stages": {"marks": 0.5}}},
        "gateways.cache.shared=True must be false unless syncs read all at their start; "
        "see gateways.sync_stages.marks=0.5",
    ),
    (
        {"queries": [QUERY | {"streams": 2}]},
        "queries[0].streams=2 must be at most the number of producers; "
        "see producers.count=1 (the default)",
    ),
    (
        {"queries": [QUERY, QUERY]},
        "queries[1].name='day' must be unique; see queries[0].name=\"day\"",
    ),
    (
        {"schemes": [AT_ONCE, MARK, MARK]},
        "schemes[2].name='mark' must be unique; see schemes[1].name=\"mark\"",
    ),
    (
        {"faults": [OUTAGE | {"target": 1}]},
        "faults[0].target=1 must be a gateway: 0 is the only one; "
        "see gateways.count=1 (the default)",
    ),
    (
        {"producers": {"count": 3}, "faults": [OUTAGE | {"kind": "producer-crash", "target": 3}]},
        "faults[0].target=3 must be a producer: 0 to 2; see producers.count=3",
    ),
    (
        {"producers": {"count": 2}, "interventions": [BY_HAND, BY_HAND | {"stream": 2}]},
        "interventions[1].stream=2 must be a stream: 0 to 1; see producers.count=2",
    ),
    (
        {"faults": [ERRORS | {"error_rate": 0.5, "lost_answer_rate": 0.6}]},
        "faults[0].lost_answer_rate=0.6 must be at most 1 - error_rate; "
        "see faults[0].error_rate=0.5",
    ),
    (
        {"expect": {"at onec": {"never": ["ok"]}}},
        "expect.\"at onec\"={'never': ['ok']} must belong to a scheme: be \"at once\"; "
        'did you mean "at once"?',
    ),
    (
        {"expect": {"at once": {"never": ["silent-gab"]}}},
        f"expect.\"at once\".never[0]='silent-gab' must be one of {OUTCOMES}; "
        'did you mean "silent-gap"?',
    ),
    (
        {"expect": {"at once": {"at_most": {"ok": -1}}}},
        'expect."at once".at_most.ok=-1 must be at least 0',
    ),
    (
        {"expect": {"at once": {"at_least": {"leaked-block": float("inf")}}}},
        'expect."at once".at_least.leaked-block=inf must be a finite number',
    ),
    (
        {"expect": {"at once": {"at_most": {"ok": 2}}}},
        'expect."at once".at_most.ok=2 must be at most 1, a fraction of queries',
    ),
    (
        {"expect": {"at once": {"never": ["ok"], "sometimes": ["warned", "ok"]}}},
        "expect.\"at once\".never[0]='ok' must not be expected sometimes as well; "
        'see expect."at once".sometimes[1]="ok"',
    ),
    (
        {"expect": {"at once": {"never": ["ok"], "at_least": {"ok": 0.5}}}},
        "expect.\"at once\".never[0]='ok' must not be expected at_least as well; "
        'see expect."at once".at_least.ok=0.5',
    ),
    (
        {"expect": {"at once": {"at_least": {"ok": 0.5}, "at_most": {"ok": 0.25}}}},
        'expect."at once".at_least.ok=0.5 must be at most at_most; '
        'see expect."at once".at_most.ok=0.25',
    ),
]


@pytest.mark.parametrize(("changes", "message"), REFUSED, ids=[m for _, m in REFUSED])
def test_a_broken_rule_has_one_message(changes: Raw, message: str) -> None:
    assert messages(**changes) == [message]


ACCEPTED: list[Raw] = [
    {},
    {"warmup": "9d"},
    {"trials": 1, "seed": 2**62},
    {"store": {"replicas": 2, "acks": 2}},
    {"store": {"replicas": 2, "primary": True}},
    {"store": {"read_from": "nearest"}},
    {"store": {"read_from": "sticky"}},
    {"store": {"error_rate": 0.5, "lost_answer_rate": 0.5}},
    {"store": {"error_rate": 1}},
    {"store": {"quorum": QUORUM | {"r": 3, "w": 3}}},
    {"producers": {"block_length": "1h"}, "compactor": {"ranges": ["1h", "3h"]}},
    {"compactor": {"ranges": ["2h"]}},
    {"compactor": {"downsampling": False, "retention": {"raw": "1h"}}},
    {"compactor": {"downsampling": True, "retention": {"raw": "40h", "5m": "10d", "1h": "1h"}}},
    {"compactor": {"cleanup": "end-of-pass"}},
    {"compactor": {"wait_interval": {"law": "exponential", "mean": "1s"}}},
    {"gateways": {"count": 4, "shards": 2}},
    {"gateways": {"sync_interval": {"law": "pareto", "minimum": "1m", "alpha": 1}, "phase": "0s"}},
    {"gateways": {"sync_stages": {"check": 0.5, "marks": 0.5, "load": 0.5}}},
    {"producers": {"count": 2}, "queries": [QUERY | {"streams": 2}]},
    {"schemes": [MARK | {"delete_delay": "0s", "ignore_deletion_marks_delay": "0s"}]},
    # Hiding later than deleting is a mistake worth simulating.
    {"schemes": [MARK | {"delete_delay": "1h", "ignore_deletion_marks_delay": "48h"}]},
    {"faults": [OUTAGE, ERRORS, {"kind": "compactor-crash", "at": "99d", "lasts": "0s"}]},
    {"interventions": [BY_HAND | {"stream": 0}, {"kind": "cleanup", "at": "1d"}]},
    {"expect": {"at once": {"never": ["ok"], "at_most": {"ok": 0, "lost-block": 7}}}},
    {"expect": {"at once": {"sometimes": ["warned"], "at_least": {"warned": 0.1}}}},
]


@pytest.mark.parametrize("changes", ACCEPTED, ids=str)
def test_what_the_rules_let_through(changes: Raw) -> None:
    assert build(raw(**changes)).name == "small"


def test_everything_that_must_be_given() -> None:
    with pytest.raises(ScenarioError) as caught:
        build({})
    assert [str(problem) for problem in caught.value.problems] == [
        "schema=(missing) must be given",
        "name=(missing) must be given",
        "horizon=(missing) must be given",
        "queries=(missing) must be given; at least one [[queries]]",
        "schemes=(missing) must be given; at least one [[schemes]]",
    ]


def test_a_quorum_has_its_own_replicas_and_lags() -> None:
    lag = {"create": {"get": "5s"}, "delete": {"list": {"law": "exponential", "mean": "1s"}}}
    assert [
        line.partition("; ")[0]
        for line in messages(store={"quorum": QUORUM, "replicas": 2, "acks": 1, "lag": lag})
    ] == [
        "store.replicas=2 must be 1 with a quorum, which has replicas of its own",
        "store.acks=1 must be 0 with a quorum, which has acknowledgements of its own",
        "store.lag.create.get='5s' must be \"0s\" with a quorum, whose delays make the lag",
        "store.lag.delete.list={'law': 'exponential', 'mean': '1s'} must be \"0s\" with a quorum, "
        "whose delays make the lag",
    ]


def test_a_quorum_needs_its_delays() -> None:
    assert [line.split("=")[0] for line in messages(store={"quorum": {"n": 3, "r": 1}})] == [
        f"store.quorum.{key}" for key in ("w", "write", "ack", "read", "response")
    ]


def test_conflicts_are_told_beside_wrong_values() -> None:
    """What is wrong on its own does not hide what does not fit together."""
    assert messages(
        warmup="11d",
        producers={"upload_takes": {"law": "uniform", "low": "5s"}},
        gateways={"count": 3, "shards": 2, "sync_intervall": "3m"},
        schemes=[AT_ONCE | {"kind": "imediate"}, MARK],
        expect={"mrak": {"never": ["ok"]}, "at once": {"never": ["okay"]}},
    ) == [
        "producers.upload_takes.high=(missing) must be given",
        "gateways.sync_intervall='3m' must be a known key; did you mean \"sync_interval\"?",
        'schemes[0].kind=\'imediate\' must be one of "immediate", "deletion-mark", "composed"; '
        'did you mean "immediate"?',
        f'expect."at once".never[0]=\'okay\' must be one of {OUTCOMES}; did you mean "ok"?',
        "warmup='11d' must be shorter than horizon; see horizon=\"10d\"",
        "gateways.count=3 must be a multiple of shards; see gateways.shards=2",
        "expect.mrak={'never': ['ok']} must belong to a scheme: be one of \"at once\", \"mark\"; "
        'did you mean "mark"?',
    ]


def test_what_a_wrong_value_may_have_caused_is_not_told() -> None:
    assert len(messages(horizon="soon", warmup="11d")) == 1
    assert len(messages(gateways={"count": "4", "shards": 2})) == 1
    assert len(messages(producers={"block_length": 1}, compactor={"ranges": ["1h"]})) == 1
    assert len(messages(schemes=[{"kind": "immediate"}], expect={"a": {}})) == 1
    assert len(messages(faults=[OUTAGE | {"target": "x"}])) == 1


def test_what_hid_behind_a_wrong_profile_is_told() -> None:
    assert [line.split("=")[0] for line in messages(store={"profile": "s4", "acks": "1"})] == [
        "store.profile",
        "store.acks",
    ]


def test_problems_are_data() -> None:
    with pytest.raises(ScenarioError) as caught:
        build(raw(gateways={"count": 3, "shards": 2}))
    assert caught.value.problems == (
        Problem("gateways.count", 3, "be a multiple of shards", hint="see gateways.shards=2"),
    )
    assert caught.value.exit_code == 2
