"""What ``spec.parse`` makes of a resource."""

from datetime import date

import pytest

from kafka_otlp_exporter.config.options import ROWS, Options
from kafka_otlp_exporter.config.values import Acks
from kafka_otlp_operator.errors import SpecInvalid
from kafka_otlp_operator.objects.manifests import desired
from kafka_otlp_operator.resource.fields import Sasl, Workload
from kafka_otlp_operator.resource.spec import OPTION_FIELDS, parse, spelling
from tests.unit.kafka_otlp_operator.resources import SASL, SECURE, raw, resource


def test_only_what_was_set_is_set():
    """Only options that the author set are passed to the pods."""
    options = resource(acks="all", lingerMs=5).options
    assert options.model_fields_set == {"brokers", "acks", "linger_ms"}
    assert options.acks is Acks.ALL


def test_every_option_has_a_field():
    """Each row is a field of spec; the rows of SASL are fields of spec.sasl."""
    inside = [row.field for row in ROWS.values() if row.field not in OPTION_FIELDS]
    assert inside == ["sasl.username", "sasl.passwordSecretRef", "sasl.mechanism"]
    assert {path.removeprefix("sasl.") for path in inside} <= {info.alias for info in Sasl.model_fields.values()}
    assert ROWS.keys() == Options.model_fields.keys()


def test_custom_config_values_become_text():
    """Whole numbers are accepted as well as texts."""
    assert resource(customConfig={"acks": 1, "client.rack": "x"}).options.custom_config == {
        "acks": "1",
        "client.rack": "x",
    }


def test_sasl_becomes_options_but_the_password_does_not():
    """Mechanism and an inline user name are options; the password stays a reference."""
    parsed = resource(**SECURE)
    assert parsed.options.sasl_username == "edge"
    assert parsed.options.sasl_password is None
    assert parsed.workload.sasl is not None
    assert parsed.workload.sasl.password_secret_ref.name == "edge-kafka"


def test_a_reference_to_the_user_name_sets_no_option():
    """A user name that stands in a Secret reaches the exporter as a file only."""
    sasl = {**SASL, "usernameSecretRef": {"name": "s", "key": "k"}}
    del sasl["username"]
    assert "sasl_username" not in resource(**{**SECURE, "sasl": sasl}).options.model_fields_set


def test_absent_and_null_are_the_same():
    """A null counts as not set."""
    assert resource(lingerMs=None).options.model_fields_set == {"brokers"}
    nothing = {
        "customConfig": {"linger.ms": None},
        "podTemplate": {"env": None, "labels": {"a": None}},
        "resources": {"limits": None, "requests": {"memory": None}},
        "service": {"type": None},
        "tls": None,
    }
    present = resource(**nothing)
    assert present.options == resource().options
    assert present.workload.pod_template == resource().workload.pod_template
    assert present.workload.service == resource().workload.service
    assert "limits" not in (present.workload.resources or {})
    assert desired(present, "image:1")


def test_a_date_of_yaml_is_a_text():
    """Unquoted text that looks like a date is a date in YAML; kubectl stores the text."""
    token = {"name": date(2026, 1, 2), "key": "token"}
    reference = resource(otlp={"bearerTokenSecretRef": token}).workload.otlp.bearer_token_secret_ref
    assert reference is not None
    assert reference.name == "2026-01-02"


def test_what_never_ends_is_refused():
    """A file may hold an object that contains itself; it is refused."""
    endless: dict[str, object] = {}
    endless["again"] = endless
    with pytest.raises(SpecInvalid, match="more than 64 levels deep"):
        parse(raw({"podTemplate": endless}))


def test_every_field_may_be_null():
    """A null field is accepted everywhere; only brokers must be set."""
    for field in {*OPTION_FIELDS, *(info.alias or "" for info in Workload.model_fields.values())} - {"brokers"}:
        assert resource(**{field: None}).options == resource().options


@pytest.mark.parametrize(
    ("spec", "sentence"),
    [
        ({"acks": "two"}, 'spec.acks: "two" is not allowed; allowed: one of none, one, all.'),
        (
            {"lingerMs": "5"},
            'spec.lingerMs: "5" is not allowed; allowed: a whole number from 0 to 899999 (milliseconds).',
        ),
        ({"brokers": "a:1"}, 'spec.brokers: "a:1" is not allowed; allowed: a list of 1 to 64 host:port.'),
        (
            {"partitionKeyAttributes": "service.name"},
            'spec.partitionKeyAttributes: "service.name" is not allowed; allowed: a list of attribute names of 1 to 256 '
            "characters, at most 32, each once.",
        ),
        ({"partitionKeyAttributes": ["a", "a"]}, 'spec.partitionKeyAttributes: ["a", "a"] is not allowed; allowed:'),
        ({"partitionKeyAttributes": [1]}, "spec.partitionKeyAttributes: [1] is not allowed; allowed:"),
        (
            {"partitionLogsByTraceId": True, "partitionLogsByResourceAttributes": True},
            "spec: partitionLogsByTraceId and partitionLogsByResourceAttributes are both true, but a record has one key; "
            "keep one of them.",
        ),
        ({"brokers": None}, "spec.brokers: missing; name the Kafka brokers, host:port each."),
        ({"lingerMS": 5}, "spec.lingerMS: there is no such field; did you mean spec.lingerMs?"),
        ({"xyz": 5}, "spec.xyz: there is no such field."),
        (
            {"saslPassword": "hunter2"},
            "spec.saslPassword: there is no such field.",
        ),
        ({"replicas": "2"}, "spec.replicas: input should be a valid integer."),
        ({"sasl": {"mechanism": "PLAIN"}}, "spec.sasl.passwordSecretRef: missing."),
        ({"podTemplate": {"labels": {"a": 1}}}, "spec.podTemplate.labels.a: input should be a valid string."),
        (
            {"customConfig": {"a": True}},
            "spec.customConfig.a: it is neither a text nor a whole number; put it in quotes.",
        ),
        (
            {"customConfig": {"a": ["hunter2"]}},
            "spec.customConfig.a: it is neither a text nor a whole number; put it in quotes.",
        ),
        (
            {"customConfig": {"sasl.password": ["hunter2"]}},
            "spec.customConfig: sasl.password is refused: use spec.sasl.passwordSecretRef.",
        ),
        *(
            (
                {"customConfig": {name: value, "a.b": "hunter2"}},
                f"spec.customConfig.{name[:128]}: it is not allowed; allowed: {ROWS['custom_config'].allowed_in_resource}.",
            )
            for name, value in (("Sasl.Password", "hunter2"), ("a" * 129, "hunter2"), ("a", "hunter2" * 1000))
        ),
        (
            {"customConfig": {f"a{number}": "hunter2" for number in range(129)}},
            f"spec.customConfig: it is not allowed; allowed: {ROWS['custom_config'].allowed_in_resource}.",
        ),
        (
            {"customConfig": ["hunter2"]},
            f"spec.customConfig: it is not an object; allowed: {ROWS['custom_config'].allowed_in_resource}.",
        ),
        ({"requestTimeout": "0.4ms"}, 'spec.requestTimeout: "0.4ms" is not allowed; allowed: a duration such as 30s'),
        ({"requestTimeout": "0.6ms"}, "spec.requestTimeout: must be at least 1ms and at most 15m."),
        ({"lingerMs": 10**5000}, "spec.lingerMs: the number is too large; the largest is 9223372036854775807."),
        ({"clientId": "x" * 999}, 'spec.clientId: "' + "x" * 127 + " ... is not allowed"),
        ({"resources": {"limits": [1]}}, "spec.resources.limits: it is not an object; write it like {memory: 256Mi}."),
        ({1: 2}, "spec.1: there is no such field."),
        (
            {"customConfig": {"sasl.password": "hunter2"}},
            "spec.customConfig: sasl.password is refused: use spec.sasl.passwordSecretRef.",
        ),
        (
            {"resources": {"limits": {"memory": "much"}}},
            "spec.resources.limits.memory: 'much' is not a quantity; write it like 256Mi.",
        ),
        (
            {"resources": {"limits": {"memory": "1e900000"}}},
            "spec.resources.limits.memory: '1e900000' is not a quantity; write it like 256Mi.",
        ),
        (
            {"securityProtocol": "SASL_SSL"},
            "spec: sasl and a securityProtocol with SASL (SASL_SSL, SASL_PLAINTEXT) go together: set both or neither.",
        ),
    ],
)
def test_a_sentence_with_a_path(spec, sentence):
    """The sentence has the path and the allowed values, and never a secret."""
    with pytest.raises(SpecInvalid) as refused:
        parse(raw(spec))
    assert str(refused.value).startswith(sentence)
    assert "hunter2" not in str(refused.value)


@pytest.mark.parametrize("name", ["", "Edge", "1edge", "edge-", "a.b", "a" * 53])
def test_a_name_that_no_service_can_have(name):
    """The Service has the resource's name, so a name that no Service can have is refused."""
    with pytest.raises(SpecInvalid, match=r"^metadata\.name: "):
        parse(raw(name=name))


def test_a_resource_without_spec():
    """A resource without a spec is refused with a sentence."""
    with pytest.raises(SpecInvalid, match=r"^spec: missing"):
        parse({"metadata": {"name": "edge"}})


@pytest.mark.parametrize("metadata", [None, [], "edge"])
def test_a_resource_without_metadata(metadata):
    """A resource without metadata is refused with a sentence."""
    with pytest.raises(SpecInvalid, match=r"^metadata: missing"):
        parse({"metadata": metadata, "spec": {"brokers": ["a:1"]}})


def test_a_file_has_no_uid():
    """A resource from a file needs no uid, namespace or generation."""
    parsed = parse({"metadata": {"name": "edge"}, "spec": {"brokers": ["a:1"]}})
    assert (parsed.namespace, parsed.uid, parsed.generation) == ("default", "", 0)


def test_spelling():
    """An option has its name in the resource."""
    assert spelling(ROWS["linger_ms"]) == "spec.lingerMs"
    assert spelling(ROWS["sasl_password"]) == "spec.sasl.passwordSecretRef"
