"""The command line: ``run`` works in a cluster, ``render`` prints the objects of a resource without one."""

from __future__ import annotations

import argparse
import asyncio
import os
import socket
import sys
import uuid
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import structlog
import yaml
from pydantic import ValidationError

from kafka_otlp_operator import names
from kafka_otlp_operator.check import Checker
from kafka_otlp_operator.errors import OperatorError, SpecInvalid
from kafka_otlp_operator.objects import manifests
from kafka_otlp_operator.resource.spec import Resource, parse
from kafka_otlp_operator.settings import RELEASE, Settings

if TYPE_CHECKING:
    from kafka_otlp_operator.loop.leadership import Leadership

# PyYAML does not catch Python's own errors about a month 13, a number of 5000 digits, or a tag that does not fit.
_ODD_VALUES = (ValueError, TypeError, LookupError, AttributeError, RecursionError)
_NAMESPACES = "KAFKA_OTLP_OPERATOR_NAMESPACES"
_LONGEST_SHOWN = 128  # of a value from a file


def run(arguments: Sequence[str] | None = None) -> int:
    """Run the command; returns its exit code: 0, 1 when it failed, 2 when a setting is wrong.

    Raises SystemExit with 2 when the command line is wrong, and with 0 after ``--help`` and ``--version``.
    """
    given = _parser().parse_args(arguments)
    try:
        settings = Settings()
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        variable = f"{Settings.model_config['env_prefix']}{first['loc'][0]}".upper()
        said = first["msg"].removeprefix("Value error, ").rstrip(".")
        return _fail(f"{variable}: {said[:1].lower()}{said[1:]}.", 2)
    try:
        if given.command == "render":
            return _render(given.file, settings)
        return _operate(settings, tuple(given.namespace or settings.watched))
    except OperatorError as error:
        return _fail(str(error), 1)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog=names.OPERATOR,
        description=f"The Kubernetes operator for {names.KIND} resources.",
        allow_abbrev=False,
    )
    parser.add_argument("--version", action="version", version=f"{names.OPERATOR} {RELEASE}")
    commands = parser.add_subparsers(dest="command", required=True)
    run = commands.add_parser("run", help="run the operator in a cluster until SIGTERM", allow_abbrev=False)
    run.add_argument(
        "--namespace",
        "-n",
        action="append",
        help=f"watch this namespace only; repeat it for several. Default: those of {_NAMESPACES}, else all of them",
    )
    render = commands.add_parser(
        "render", help="print the Kubernetes objects of a resource; needs no cluster", allow_abbrev=False
    )
    render.add_argument(
        "file", metavar="FILE", help="a YAML file with resources; objects of other kinds are ignored; - is stdin"
    )
    return parser


def _fail(sentence: str, code: int) -> int:
    print(sentence, file=sys.stderr)  # noqa: T201
    return code


def _render(file: str, settings: Settings) -> int:
    resources = [parse(document, settings.properties) for document in _documents(file) if _is_resource(document, file)]
    if not resources:
        raise SpecInvalid(f"{file}: there is no {names.KIND} in it.")
    with Checker() as checker:
        rendered = [manifest for resource in resources for manifest in _checked(checker, resource, settings)]
    print(yaml.safe_dump_all(rendered, sort_keys=False, explicit_start=True), end="")  # noqa: T201
    return 0


def _is_resource(document: Mapping[str, Any], file: str) -> bool:
    """Whether a document is for the operator. Raises SpecInvalid when only its kind, or only its apiVersion, says so."""
    version, kind = (str(document.get(field) or "")[:_LONGEST_SHOWN] for field in ("apiVersion", "kind"))
    ours = (version == names.API_VERSION, kind == names.KIND)
    if all(ours):
        return True
    if kind == names.KIND:
        found = f"the apiVersion {version!r}" if version else "no apiVersion"
        raise SpecInvalid(f"{file}: a {kind} has {found}; it must be {names.API_VERSION}.")
    if version.partition("/")[0] == names.GROUP:
        found = f"the kind {kind!r}" if kind else "no kind"
        raise SpecInvalid(f"{file}: an object of {version} has {found}; it must be {names.KIND}.")
    return False


def _checked(checker: Checker, resource: Resource, settings: Settings) -> manifests.Desired:
    if (wrong := checker.check(resource)) is not None:
        raise SpecInvalid(wrong)
    return manifests.desired(resource, settings.image)


def _documents(file: str) -> Iterator[Mapping[str, Any]]:
    try:
        text = sys.stdin.read() if file == "-" else Path(file).read_text(encoding="utf-8")
        documents = [document for document in yaml.safe_load_all(text) if document is not None]
    except (OSError, UnicodeDecodeError) as error:
        raise SpecInvalid(f"{file}: cannot be read: {error}.") from None
    except (yaml.YAMLError, *_ODD_VALUES) as error:
        raise SpecInvalid(f"{file}: is not YAML: {' '.join(str(error).split())}.") from None
    for document in documents:
        if not isinstance(document, Mapping):
            raise SpecInvalid(f"{file}: a document in it is not an object.")
        yield document


def _operate(settings: Settings, namespaces: tuple[str, ...]) -> int:
    # Imported here: kopf and the Kubernetes client take seconds, and `render` needs neither.
    import kopf  # noqa: PLC0415

    from kafka_otlp_operator.api.cluster import Cluster  # noqa: PLC0415
    from kafka_otlp_operator.api.kube import Api  # noqa: PLC0415
    from kafka_otlp_operator.loop import handlers  # noqa: PLC0415
    from kafka_otlp_operator.loop.controller import Controller  # noqa: PLC0415
    from kafka_otlp_operator.loop.metrics import Metrics, configure_log  # noqa: PLC0415

    configure_log()
    _ = settings.restart_key  # a wrong key ends the start, instead of standing in the status of every resource
    watching = settings.model_copy(update={"namespaces": ",".join(namespaces)})
    leadership = _leadership(settings) if settings.lease_namespace else None
    metrics = Metrics()
    api = Api.connect(settings.request_timeout_seconds, metrics.count_request)
    cluster = Cluster(api, *([leadership.allow] if leadership else []))

    def controller() -> Controller:
        checker = Checker(settings.check_timeout_seconds)
        return Controller(cluster, checker, watching, metrics, leadership)

    asyncio.run(
        kopf.operator(
            registry=handlers.registry(controller),
            settings=handlers.operator_settings(namespaced=bool(namespaces)),
            standalone=True,
            clusterwide=not namespaces,
            namespaces=namespaces,
            # Without it kopf asks for the user's name, and a container's user id need not have a name.
            identity=names.OPERATOR,  # type: ignore[arg-type]  # kopf's type for it is not public
        )
    )
    return 0


def _leadership(settings: Settings) -> Leadership:
    """This process as a candidate. Its identity is the pod's name and a UUID, which tells restarts apart."""
    from kafka_otlp_operator.api.cluster import Cluster  # noqa: PLC0415
    from kafka_otlp_operator.api.kube import Api  # noqa: PLC0415
    from kafka_otlp_operator.loop.leadership import CALL_SECONDS, Leadership  # noqa: PLC0415

    identity = f"{socket.gethostname()}_{uuid.uuid4()}"
    leases = Cluster(Api.connect(CALL_SECONDS))
    return Leadership(leases, settings.lease_namespace, settings.lease_name, identity, _end_at_once)


def _end_at_once(sentence: str) -> None:
    """End the process, so that none of its threads writes again. The new leader finishes what is half done."""
    structlog.stdlib.get_logger("kafka_otlp_operator").error("ends", reason=sentence)
    os._exit(1)
