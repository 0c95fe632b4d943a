"""``fanal import`` and ``fanal check``: what do an export and a portfolio hold, and is it sound?"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from features.errors import Violation
from features.records.assembling import raise_if_unusable
from features.records.files import rows_aside
from features.records.folder import PortfolioCheck, check_portfolio
from features.records.import_report import ImportReport, violation_json
from features.records.lookalikes import lookalikes, write_merges
from features.records.mapping import import_portfolio, resolve_mapping
from features.records.quality import Finding, audit
from serving.cli import console
from serving.cli.options import Json
from serving.cli.pages import write_page, writing
from serving.settings import load_settings
from serving.web.quality_page import quality_page


def import_export(
    mapping: Annotated[str, typer.Argument(help="Mapping file, or the name of a shipped one.")],
    out: Annotated[Path, typer.Option("--out", help="Folder of the portfolio to write.")],
    sources: Annotated[
        Path | None, typer.Option("--sources", help="Folder that holds the source files.")
    ] = None,
    merges: Annotated[
        Path | None, typer.Option("--merges", help="CSV of accounts to merge into others.")
    ] = None,
    json: Json = False,
) -> None:
    """Write the contract tables of an export, and say what was kept, refused and noticed."""
    path = resolve_mapping(mapping)
    with console.progress("Importing") as advance:
        report = import_portfolio(
            path,
            out=out,
            clock=datetime.now(UTC),
            sources=sources,
            merges=merges,
            progress=lambda now: advance(now=now),
        )
    if json:
        console.emit(report.to_json())
    else:
        _show_import(report)


def check(
    portfolio: Annotated[Path, typer.Argument(help="Folder of the portfolio.")],
    html: Annotated[
        Path | None, typer.Option("--html", help="Write the findings as one HTML page.")
    ] = None,
    merges_out: Annotated[
        Path | None,
        typer.Option("--merges-out", help="Write a merge file of accounts that look alike."),
    ] = None,
    language: Annotated[
        str | None, typer.Option("--language", help="Language of the page: en or fr.")
    ] = None,
    json: Json = False,
) -> None:
    """Say what in a portfolio breaks the contract, and what keeps it but will mislead.

    Raises
    ------
    ContractError
        The portfolio cannot be used at all; with every violation. Faults that leave it usable are
        shown, and the verb is done.
    SettingsError
        CL003: the page or the merge file cannot be written.
    """
    spoken = load_settings(None, language=language).language
    checked = check_portfolio(portfolio)
    raise_if_unusable(checked.violations, f"{portfolio} cannot be used.")
    refused = {**rows_aside(portfolio, "refused"), **checked.refused}
    exports = rows_aside(portfolio, "audit")
    findings = audit(checked.records, refused=refused, exports=exports)
    written = {}
    if html is not None:
        written["html"] = _write_page(html, checked, findings, spoken)
    if merges_out is not None:
        written["merges"] = _write_merges(merges_out, checked)
    if json:
        console.emit({**_check_json(checked, findings), **written})
    else:
        _show_check(checked, findings)
        for path in written.values():
            console.say(f"Written to {path}.")


def _write_page(
    path: Path, checked: PortfolioCheck, findings: Sequence[Finding], language: str
) -> Path:
    write_page(path, quality_page(checked, findings, language))
    return path


def _write_merges(path: Path, checked: PortfolioCheck) -> Path:
    with writing(path):
        write_merges(path, lookalikes(checked.records))
    return path


def _show_import(report: ImportReport) -> None:
    rows = [(t.table, t.rows_in, t.kept, t.merged, t.refused) for t in report.tables]
    console.table(("table", "rows", "kept", "merged", "refused"), rows)
    _show_violations(report.violations)
    for note in report.notes:
        console.say(note)
    console.say(f"Written to {report.portfolio.folder}, data as of {report.portfolio.data_as_of}.")


def _show_check(checked: PortfolioCheck, findings: Sequence[Finding]) -> None:
    console.table(("table", "rows"), sorted(checked.portfolio.row_counts.items()))
    _show_violations(checked.violations)
    for finding in findings:
        where = ".".join(part for part in (finding.table, finding.column) if part)
        console.say(f"{finding.code} {finding.severity} {where}: {finding.message}")
        if finding.examples:
            console.say(f"  for example {', '.join(finding.examples)}")
        console.say(f"  {finding.why} {finding.fix}")
    for note in checked.notes:
        console.say(note)
    if not checked.violations and not findings:
        console.say("Nothing stands out.")


def _show_violations(violations: Sequence[Violation]) -> None:
    for violation in violations:
        console.say(str(violation))


def _check_json(checked: PortfolioCheck, findings: Sequence[Finding]) -> dict[str, object]:
    portfolio = checked.portfolio
    return {
        "ok": not checked.violations and all(f.severity != "error" for f in findings),
        "portfolio": portfolio.name,
        "data_as_of": portfolio.data_as_of,
        "tables": dict(portfolio.row_counts),
        "violations": [violation_json(violation) for violation in checked.violations],
        "findings": [asdict(finding) for finding in findings],
        "notes": list(checked.notes),
    }
