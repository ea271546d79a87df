"""One reconcile, on a cluster in memory."""

from datetime import UTC, datetime
from typing import Any

import pytest
import yaml

from kafka_otlp_operator.__main__ import main
from kafka_otlp_operator.api.cluster import Key
from kafka_otlp_operator.errors import ApiError, Forbidden, NotFound, NotOurs, NotYet, Unavailable
from kafka_otlp_operator.reconcile import Result, reconcile
from kafka_otlp_operator.resource.spec import Resource
from kafka_otlp_operator.settings import Settings
from tests.unit.kafka_otlp_operator.fake_cluster import FakeCluster
from tests.unit.kafka_otlp_operator.resources import raw

KEY = Key("telemetry", "edge")
NOW = datetime(2026, 1, 1, tzinfo=UTC)


class Checker:
    """Finds the same with every configuration."""

    def __init__(self, answer: str | Exception | None = None) -> None:
        self.answer = answer

    def check(self, resource: Resource) -> str | None:
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer


def run(cluster: FakeCluster, answer: str | Exception | None = None, **settings: Any) -> Result:
    """One reconcile."""
    return reconcile(cluster, Checker(answer), Settings(**settings), KEY, NOW)


def condition(cluster: FakeCluster, kind: str) -> Any:
    """One condition of the stored resource."""
    assert cluster.stored is not None
    return next(one for one in cluster.stored["status"]["conditions"] if one["type"] == kind)


def test_everything_is_applied_then_told():
    """The objects are applied in order, then the status is written once; a second run writes no status."""
    cluster = FakeCluster(raw())
    result = run(cluster)
    kinds = [("apply", kind) for kind in ("ServiceAccount", "Service", "Deployment")]
    assert cluster.calls == [*kinds, ("status", "DeploymentNotObserved")]
    assert result.ready == condition(cluster, "Ready")
    cluster.calls.clear()
    again = run(cluster)
    assert (again.told, again.failure, again.settled) == (False, None, True)
    assert cluster.calls == kinds


def test_gone():
    """For a resource that does not exist there is nothing to do."""
    assert run(FakeCluster()) == Result()


def test_being_deleted():
    """A resource that is being deleted is the garbage collector's work."""
    cluster = FakeCluster(raw(deletionTimestamp="2026-01-01T00:00:00Z"))
    assert run(cluster) == Result()
    assert cluster.calls == []


@pytest.mark.parametrize(
    ("spec", "answer", "reason"),
    [({}, "spec: wrong.", "InvalidKafkaConfig"), ({"lingerMS": 1}, None, "RenderFailed")],
)
def test_a_wrong_resource_touches_nothing(spec, answer, reason):
    """An invalid resource is reported once and not tried again, because its author must repair it."""
    cluster = FakeCluster(raw(spec))
    assert run(cluster, answer).failure is None
    assert cluster.calls == [("status", reason)]
    assert condition(cluster, "ConfigValid")["status"] == "False"


def test_a_misspelt_property_is_told_as_render_tells_it(tmp_path, capsys):
    """One sentence for both, with the property that was probably meant."""
    misspelt = raw({"customConfig": {"lingr.ms": "5"}})
    cluster = FakeCluster(misspelt)
    run(cluster)
    file = tmp_path / "file.yaml"
    file.write_text(yaml.safe_dump(misspelt))
    assert main(["render", str(file)]) == 1
    sentence = condition(cluster, "ConfigValid")["message"]
    assert capsys.readouterr().err == f"{sentence}\n"
    assert "did you mean linger.ms?" in sentence


def test_a_check_without_an_answer():
    """An unchecked configuration is not rolled out, and the check is tried again."""
    cluster = FakeCluster(raw())
    later = NotYet("later.")
    assert run(cluster, later).failure is later
    assert cluster.calls == [("status", "NotChecked")]
    config = condition(cluster, "ConfigValid")
    assert (config["status"], config["message"]) == ("Unknown", "later.")


def owned(kind: str, **spec: Any) -> Any:
    """An object of this kind that the resource owns."""
    owner = {"controller": True, "uid": "uid-1", "kind": "KafkaOtlpExporter", "name": "edge"}
    return {"kind": kind, "metadata": {"name": "edge", "ownerReferences": [owner]}, "spec": spec}


def orphan(kind: str, **spec: Any) -> Any:
    """An object that the operator made for an earlier resource, and that lost its owner."""
    metadata = {"name": "edge", "labels": {"app.kubernetes.io/managed-by": "kafka-otlp-operator"}}
    return {"kind": kind, "metadata": metadata, "spec": spec}


def foreign(kind: str) -> Any:
    """An object that somebody else made."""
    return {"kind": kind, "metadata": {"name": "edge"}}


def test_a_foreign_object_stops_everything():
    """When one object belongs to another owner, the operator applies none and tries again later."""
    cluster = FakeCluster(raw())
    cluster.objects["Deployment"] = foreign("Deployment")
    failure = run(cluster).failure
    assert isinstance(failure, NotOurs)
    assert cluster.calls == [("status", "ApplyConflict")]
    assert condition(cluster, "Applied")["message"] == str(failure)
    assert str(failure).startswith("Deployment 'edge' already exists and was not made by this operator")


def test_an_error_of_the_api_server():
    """The status has the API server's own words about an object that it refuses."""
    cluster = FakeCluster(raw())
    cluster.refuses_apply = ApiError("no disk")
    assert run(cluster).failure is cluster.refuses_apply
    assert (condition(cluster, "Applied")["reason"], condition(cluster, "Applied")["message"]) == (
        "ApplyFailed",
        "no disk",
    )


def test_what_is_no_longer_wanted_goes():
    """After the apply, the operator deletes its own objects that are no longer wanted, and no others."""
    cluster = FakeCluster(raw())
    cluster.objects["NetworkPolicy"] = owned("NetworkPolicy")
    cluster.objects["HorizontalPodAutoscaler"] = orphan("HorizontalPodAutoscaler")
    cluster.objects["PodDisruptionBudget"] = foreign("PodDisruptionBudget")
    run(cluster)
    assert {call[1] for call in cluster.calls if call[0] == "delete"} == {"NetworkPolicy", "HorizontalPodAutoscaler"}
    assert cluster.calls[-1][0] == "status"
    assert "PodDisruptionBudget" in cluster.objects


def test_gone_before_the_status_was_written(monkeypatch):
    """A resource that is deleted during its reconcile is no failure."""
    cluster = FakeCluster(raw())

    def gone(*_):
        raise NotFound("gone")

    monkeypatch.setattr(cluster, "apply_status", gone)
    assert run(cluster) == Result()


def test_pods_are_looked_at_where_some_are_missing(monkeypatch):
    """The status has the pods' cause; the operator looks again, because no event may come; a missing right is no failure."""
    cluster = FakeCluster(raw())
    run(cluster)
    observed = {
        "metadata": {"generation": 1},
        "spec": {"replicas": 1},
        "status": {"observedGeneration": 1, "replicas": 1},
    }
    monkeypatch.setattr(cluster, "apply", lambda _: {**observed, "kind": "Deployment"})
    state = {"waiting": {"reason": "ErrImagePull", "message": "no such image"}}
    container = {"name": "exporter", "image": "exporter:1", "state": state}
    cluster.seen_pods = [
        {"metadata": {"name": "edge-1"}, "spec": {}, "status": {"containerStatuses": [container]}},
    ]
    assert run(cluster).settled is False
    assert condition(cluster, "Available")["reason"] == "ImagePullFailed"
    again = run(cluster)
    assert (again.told, again.failure, again.settled) == (False, None, False)
    cluster.seen_pods = Forbidden("no right")
    assert run(cluster).failure is None
    assert condition(cluster, "Available")["message"] == "0 of 1 pod is available."


EXTERNAL = {"scaling": {"mode": "External"}, "replicas": 3}


def deployments(cluster: FakeCluster) -> list[tuple[str, str]]:
    """The writes to Deployments and their number of pods."""
    return [call for call in cluster.calls if call[0] == "let go" or call == ("apply", "Deployment")]


def test_a_deployment_that_others_scale_starts_with_a_number():
    """The operator makes it with the resource's number, hands that over, and then applies it without a number."""
    cluster = FakeCluster(raw(EXTERNAL))
    run(cluster)
    assert deployments(cluster) == [("apply", "Deployment"), ("let go", "3"), ("apply", "Deployment")]
    assert "replicas" not in cluster.objects["Deployment"]["spec"]


@pytest.mark.parametrize("still_owned", [True, False])
def test_the_number_that_is_there_is_kept(still_owned):
    """An existing Deployment keeps its number of pods, whether this resource owns it or the operator takes it back."""
    cluster = FakeCluster(raw(EXTERNAL))
    cluster.objects["Deployment"] = (owned if still_owned else orphan)("Deployment", replicas=7)
    run(cluster)
    assert deployments(cluster) == [("let go", "7"), ("apply", "Deployment")]


def test_a_fixed_number_is_never_let_go():
    """With scaling mode Fixed the number is applied like every other field."""
    cluster = FakeCluster(raw({"replicas": 3}))
    run(cluster)
    run(cluster)
    assert deployments(cluster) == [("apply", "Deployment")] * 2


def test_a_kind_that_is_not_there():
    """An API server without PodMonitors gets everything else, and the status says what is missing."""
    cluster = FakeCluster(raw({"metrics": {"podMonitor": {}}}))
    cluster.unserved = {"PodMonitor"}
    assert run(cluster).failure is None
    assert ("apply", "PodMonitor") not in cluster.calls
    applied = condition(cluster, "Applied")
    assert applied["status"] == "True"
    assert "PodMonitor (monitoring.coreos.com/v1): the API server does not serve that kind" in applied["message"]
    cluster.unserved = set()
    run(cluster)
    assert ("apply", "PodMonitor") in cluster.calls
    assert condition(cluster, "Applied")["reason"] == "Applied"


def test_paused():
    """For a paused resource nothing is applied or pruned; its status says so, and whether it is invalid."""
    cluster = FakeCluster(stored := raw({"paused": True}))
    cluster.objects["NetworkPolicy"] = owned("NetworkPolicy")
    assert run(cluster).failure is None
    assert cluster.calls == [("status", "NotApplied")]
    assert condition(cluster, "Paused")["status"] == "True"
    assert condition(cluster, "ConfigValid")["status"] == "True"
    run(cluster, "spec: wrong.")
    assert condition(cluster, "ConfigValid")["status"] == "False"
    assert condition(cluster, "Paused")["status"] == "True"
    stored["spec"].pop("paused")
    run(cluster)
    assert ("delete", "NetworkPolicy") in cluster.calls
    assert condition(cluster, "Paused")["status"] == "False"


def test_a_transition_of_ready_is_told_once():
    """Each transition is one Event; without the right to post Events the reconcile still succeeds."""
    cluster = FakeCluster(raw())
    assert run(cluster).untold is None
    run(cluster)
    assert cluster.told == [("Normal", "DeploymentNotObserved")]
    assert run(cluster, "spec.acks: no").untold is None
    assert run(cluster, "spec.acks: no, and no").untold is None
    assert cluster.told[1:] == [("Warning", "InvalidKafkaConfig")]
    cluster.forbids_events = True
    healed = run(cluster)
    assert str(healed.untold) == "events are forbidden"
    assert healed.ready == condition(cluster, "Ready")
    assert healed.failure is None


def test_a_key_that_cannot_be_read_is_told():
    """The status names the file, and the pods stay as they are."""
    cluster = FakeCluster(raw({"credentialReload": "Restart"}))
    run(cluster, restart_key_file="/not/there")
    applied = condition(cluster, "Applied")
    assert (applied["status"], applied["reason"]) == ("False", "RestartNotOffered")
    assert "/not/there cannot be read" in applied["message"]


def test_a_deployment_that_cannot_be_read_is_not_one_without_pods(monkeypatch):
    """No status is written then, and the reconcile is tried again."""
    cluster = FakeCluster(raw())

    def away(*_):
        raise Unavailable("no answer")

    monkeypatch.setattr(cluster, "named", away)
    monkeypatch.setattr(cluster, "deployment", away)
    with pytest.raises(Unavailable, match="no answer"):
        run(cluster)
    assert cluster.calls == []
