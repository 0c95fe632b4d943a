from __future__ import annotations

import sqlite3
import stat
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta, timezone
from pathlib import Path

import pytest
import sqlalchemy as sa

from features.errors import NotReady
from serving.store.rows import (
    AuditEntry,
    PreviousScore,
    Run,
    ScoredRow,
    ScoreInput,
    StoredContext,
)
from serving.store.store import CODES, Store

NOON = datetime(2011, 9, 10, 12, tzinfo=UTC)
RUN = Run("r1", "Giftware", "score", NOON, "0.1.0", as_of=date(2011, 9, 10))


def _score(
    score_id: str, entity_id: str, as_of: date, probability: float | None, **more: object
) -> ScoredRow:
    row = ScoredRow(
        score_id, "account", entity_id, entity_id, "churn", as_of, NOON, NOON, probability
    )
    return replace(row, **more)  # type: ignore[arg-type]


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with Store.open(tmp_path / "home") as opened:
        yield opened


def test_a_score_comes_back_as_it_went_in(store: Store) -> None:
    row = ScoredRow(
        score_id="s1",
        entity_kind="opportunity",
        entity_id="D-1",
        account_id="17850",
        model="close",
        as_of=date(2011, 9, 10),
        created_at=datetime(2011, 9, 10, 14, 0, 0, 5, tzinfo=timezone(timedelta(hours=2))),
        data_as_of=NOON,
        probability=0.61,
        margin=0.4473,
        grade="C",
        trend="up",
        previous=0.48,
        rung="lightgbm",
        horizon_days=90,
        priority=47.1,
        expected_amount=310.0,
        action="win",
        terms=({"name": "potential", "value": 0.52, "weight": 0.4, "points": 20.8},),
        reasons=({"code": "RHYTHM_BROKEN", "text": "Décalé de 97 jours", "usual_value": None},),
        status=None,
        is_stale=True,
        model_version="7",
        model_digest="ab",
        feature_set_version="f1",
        context_version="c1",
        owner_id="O'Neil; DROP TABLE scores",
        segment="grands comptes",
    )
    store.save_run(RUN)
    store.save_scores(RUN, [row])
    stored = store.score("s1")
    assert stored is not None
    assert (stored.run_id, stored.portfolio, stored.row) == ("r1", "Giftware", row)
    assert stored.row.created_at == datetime(2011, 9, 10, 12, 0, 0, 5, tzinfo=UTC)
    assert stored.row.created_at.tzinfo is UTC
    assert store.score("s2") is None


def test_the_previous_score_is_the_last_one_before_the_day(store: Store) -> None:
    store.save_run(RUN)
    for number, (day, probability) in enumerate([(3, 0.48), (10, 0.61), (1, 0.2)]):
        run = replace(RUN, run_id=f"r{number}")
        store.save_run(run)
        store.save_scores(run, [_score(f"s{number}", "17850", date(2011, 9, day), probability)])
    ids = ["17850", "unknown"]
    before = store.previous("Giftware", "churn", "account", ids, date(2011, 9, 10))
    assert before == {"17850": PreviousScore(date(2011, 9, 3), 0.48)}
    assert store.previous("Giftware", "close", "account", ids, date(2011, 9, 10)) == {}
    assert store.previous("Other", "churn", "account", ids, date(2011, 9, 10)) == {}
    assert store.previous("Giftware", "churn", "account", ids, date(2011, 9, 1)) == {}


def test_of_two_scores_as_of_one_day_the_last_made_counts(store: Store) -> None:
    day = date(2011, 9, 3)
    for number, (hours, probability) in enumerate([(0, 0.1), (2, 0.3), (1, 0.2)]):
        run = replace(RUN, run_id=f"r{number}")
        made = NOON + timedelta(hours=hours)
        store.save_run(run)
        store.save_scores(run, [_score(f"s{number}", "17850", day, probability, created_at=made)])
    found = store.previous("Giftware", "churn", "account", ["17850"], date(2011, 9, 10))
    assert found == {"17850": PreviousScore(day, 0.3)}
    assert [score.row.probability for score in store.latest("Giftware")] == [0.3]


def test_previous_scores_are_found_for_more_entities_than_one_statement_takes(store: Store) -> None:
    rows = [_score(f"s{i}", f"a{i}", date(2011, 9, 3), i / 12_000) for i in range(12_000)]
    store.save_run(RUN)
    store.save_scores(RUN, rows)
    ids = [row.entity_id for row in rows]
    found = store.previous("Giftware", "churn", "account", ids, date(2011, 9, 10))
    assert len(found) == 12_000
    assert found["a6000"] == PreviousScore(date(2011, 9, 3), 0.5)
    assert len(store.latest("Giftware")) == 12_000


def test_a_row_without_a_probability_is_no_previous_score(store: Store) -> None:
    store.save_run(RUN)
    store.save_scores(RUN, [_score("s1", "17850", date(2011, 9, 3), None, status="lapsed")])
    assert store.previous("Giftware", "churn", "account", ["17850"], date(2011, 9, 10)) == {}


def test_the_latest_scores_are_one_per_entity_and_model_the_highest_priority_first(
    store: Store,
) -> None:
    old, new = date(2011, 9, 3), date(2011, 9, 10)
    store.save_run(RUN)
    store.save_scores(
        RUN,
        [
            _score("s1", "a", new, 0.6, priority=10.0, owner_id="ann"),
            _score("s2", "b", new, 0.5, priority=80.0, owner_id="ann"),
            _score("s3", "c", new, 0.4, owner_id="bob"),
            _score("s4", "gone", old, 0.3, priority=99.0, owner_id="ann"),
            _score("s5", "a", new, 0.7, priority=1.0, owner_id="ann", model="value"),
        ],
    )
    late = replace(RUN, run_id="r2")
    store.save_run(late)
    store.save_scores(late, [_score("s6", "a", old, 0.1, priority=100.0, owner_id="ann")])

    def ids(**asked: object) -> list[str]:
        return [score.row.score_id for score in store.latest("Giftware", **asked)]  # type: ignore[arg-type]

    assert ids() == ["s4", "s2", "s1", "s5", "s3"]
    assert ids(owner_id="ann", since=new, model="churn") == ["s2", "s1"]
    assert ids(owner_id="ann", limit=1) == ["s4"]
    assert ids(entity_ids=["c", "a"], model="churn") == ["s1", "s3"]
    assert ids(account_id="b", entity_kind="account") == ["s2"]
    assert ids(entity_kind="opportunity") == []


def test_scores_are_kept_all_or_none(store: Store) -> None:
    store.save_run(RUN)
    rows = [_score(f"s{i}", f"a{i}", date(2011, 9, 3), 0.5) for i in range(6_000)]
    with pytest.raises(sa.exc.IntegrityError):
        store.save_scores(RUN, [*rows, rows[0]])
    assert store.latest("Giftware") == ()


def test_scores_of_a_run_that_is_not_saved_are_refused(store: Store) -> None:
    with pytest.raises(sa.exc.IntegrityError):
        store.save_scores(RUN, [_score("s1", "a", date(2011, 9, 3), 0.5)])


def test_a_naive_instant_is_refused(store: Store) -> None:
    with pytest.raises(sa.exc.StatementError, match="naive instant"):
        store.save_run(replace(RUN, started_at=datetime(2011, 9, 10)))


def test_inputs_are_kept_beside_their_score(store: Store) -> None:
    kept = ScoreInput("s1", {"days_since_last_order": 97.0, "nps_last": None}, {"orders": []}, "d1")
    store.save_run(RUN)
    store.save_scores(RUN, [_score("s1", "a", date(2011, 9, 3), 0.5)], [kept])
    assert store.inputs_of("s1") == kept
    assert store.inputs_of("s2") is None


def test_a_not_a_number_never_reaches_the_store(store: Store) -> None:
    store.save_run(RUN)
    broken = ScoreInput("s1", {"nps_last": float("nan")})
    with pytest.raises(sa.exc.StatementError, match="not JSON compliant"):
        store.save_scores(RUN, [_score("s1", "a", date(2011, 9, 3), 0.5)], [broken])


def test_a_run_is_brought_up_to_date_when_it_ends(store: Store) -> None:
    store.save_run(RUN)
    done = replace(RUN, finished_at=NOON + timedelta(minutes=2), counts={"scored": 2})
    earlier = replace(RUN, run_id="r0", kind="nightly", started_at=NOON - timedelta(days=1))
    store.save_run(done)
    store.save_run(earlier)
    assert store.runs("Giftware") == (done, earlier)
    assert store.runs("Giftware", kind="nightly") == (earlier,)
    assert store.runs("Other") == ()


def test_contexts_are_kept_by_digest(store: Store) -> None:
    context = StoredContext("c1", "Giftware", "churn", date(2011, 9, 1), {"segments": {"b": 0.2}})
    store.save_context(context)
    store.save_context(replace(context, body={}))
    assert store.context("c1") == context
    assert store.context("c2") is None


def test_the_audit_lists_the_latest_entry_first(store: Store) -> None:
    first = AuditEntry(NOON, "ann", "promoted", {"model": "churn", "version": "7"})
    second = AuditEntry(NOON, "bob", "rolled back")
    store.record(first)
    store.record(second)
    assert store.audit() == (second, first)
    assert store.audit(limit=1) == (second,)


def test_the_file_has_a_write_ahead_log_and_others_cannot_read_the_folder(
    store: Store, tmp_path: Path
) -> None:
    connection = sqlite3.connect(tmp_path / "home" / "store.db")
    assert connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)
    connection.close()
    assert stat.S_IMODE((tmp_path / "home").stat().st_mode) == 0o700


def test_one_reads_while_another_writes(store: Store, tmp_path: Path) -> None:
    store.save_run(RUN)
    with Store.open(tmp_path / "home") as other, other._writer.begin() as writing:
        writing.execute(sa.text("DELETE FROM runs"))
        assert store.runs("Giftware") == (RUN,)
    assert store.runs("Giftware") == ()


def test_four_processes_that_start_at_once_on_an_empty_home_all_find_the_store(
    tmp_path: Path,
) -> None:
    code = (
        "import sys; from pathlib import Path; from datetime import UTC, datetime\n"
        "from serving.store.store import Store; from serving.store.rows import AuditEntry\n"
        "sys.stdin.readline()\n"
        "with Store.open(Path(sys.argv[1])) as store:\n"
        "    store.record(AuditEntry(datetime.now(UTC), sys.argv[2], 'started'))\n"
    )
    home = tmp_path / "home"
    processes = [
        subprocess.Popen(
            [sys.executable, "-W", "error", "-c", code, str(home), str(number)],
            stdin=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for number in range(4)
    ]
    for process in processes:
        assert process.stdin is not None
        process.stdin.write("go\n")
        process.stdin.flush()
    said = [process.communicate()[1] for process in processes]
    assert said == ["", "", "", ""]
    with Store.open(home) as store:
        assert sorted(entry.who for entry in store.audit()) == ["0", "1", "2", "3"]


def test_a_file_that_is_no_database_is_not_overwritten(tmp_path: Path) -> None:
    (tmp_path / "store.db").write_bytes(b"not a database" * 100)
    with pytest.raises(NotReady, match="SR003"):
        Store.open(tmp_path)
    assert (tmp_path / "store.db").read_bytes() == b"not a database" * 100


def test_a_wrong_address_is_refused_without_showing_its_password(tmp_path: Path) -> None:
    with pytest.raises(NotReady, match="SR003") as caught:
        Store.open(tmp_path, "nosuch://ann:hush@db/fanal")
    assert "hush" not in str(caught.value)


def test_every_code_of_the_store_has_a_meaning() -> None:
    assert sorted(CODES) == ["SR001", "SR002", "SR003"]
