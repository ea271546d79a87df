"""Options and credentials to a producer configuration: precedence, defaults that adapt, contradictions."""

from pathlib import PurePosixPath
from typing import Any

import pytest

from kafka_otlp_exporter.config.librdkafka import ALIASES, canonical
from kafka_otlp_exporter.config.options import INT32_MAX, ROWS, Options
from kafka_otlp_exporter.config.properties import REFUSED, Credentials, producer_properties, queue_limits, without_files
from kafka_otlp_exporter.config.rows import Contradiction
from tests.unit.kafka_otlp_exporter import librdkafka
from tests.unit.kafka_otlp_exporter.config.specification import SPECIFICATION

USER: dict[str, Any] = {"sasl_mechanism": "PLAIN", "sasl_username": "edge", "sasl_password": "hunter2"}
CA = Credentials(ca=PurePosixPath("/c/ca.crt"))


def properties(credentials: Credentials | None = None, **given: Any) -> dict[str, str]:
    """The configuration that these options become."""
    return producer_properties(Options(**given), credentials or Credentials())


def refusal(credentials: Credentials | None = None, **given: Any) -> str:
    """The sentence with which these options are refused."""
    with pytest.raises(Contradiction) as caught:
        properties(credentials, **given)
    assert "hunter2" not in str(caught.value)
    assert str(caught.value).endswith(".")
    return str(caught.value)


def test_defaults_become_the_specifications_configuration():
    """Each row sets its property under the canonical name; the built-in properties are added."""
    ours = {
        canonical(row.kafka.property)
        for row in ROWS.values()
        if row.kafka is not None and row.name.replace("_", "-") not in SPECIFICATION
    }
    assert {name: value for name, value in properties().items() if name not in ours} == {
        "metadata.broker.list": "localhost:9092",
        "compression.codec": "none",
        "request.required.acks": "1",
        "client.id": "rotel",
        "message.max.bytes": "1000000",
        "queue.buffering.max.ms": "5",
        "message.send.max.retries": "2147483647",
        "retry.backoff.ms": "100",
        "retry.backoff.max.ms": "1000",
        "message.timeout.ms": "30000",
        "request.timeout.ms": "30000",
        "batch.size": "1000000",
        "partitioner": "consistent_random",
        "security.protocol": "PLAINTEXT",
        "enable.metrics.push": "false",
        "log.connection.close": "false",
        "reconnect.backoff.max.ms": "2000",
        "socket.keepalive.enable": "true",
        "socket.timeout.ms": "7500",
        "topic.metadata.propagation.max.ms": "5000",
        "topic.metadata.refresh.interval.ms": "30000",
    }


def test_values_are_spelt_as_librdkafka_spells_them():
    """Words become numbers, hyphens become underscores, lists become commas."""
    made = properties(
        acks="none", partitioner="murmur2-random", brokers="a:1,b:2", **USER, security_protocol="SASL_SSL"
    )
    assert made["request.required.acks"] == "0"
    assert made["partitioner"] == "murmur2_random"
    assert made["metadata.broker.list"] == "a:1,b:2"
    assert made["sasl.mechanisms"] == "PLAIN"
    assert made["sasl.password"] == "hunter2"


def test_an_absolute_name_of_a_broker_is_compared_with_certificates_without_its_dot():
    """Certificates have no such dots; without TLS the name reaches the resolver as it is."""
    brokers = "kafka.example.:9092,[::1]:9092,b.:1"
    assert properties(brokers=brokers)["metadata.broker.list"] == brokers
    secure = properties(brokers=brokers, security_protocol="SSL")
    assert secure["metadata.broker.list"] == "kafka.example:9092,[::1]:9092,b:1"


@pytest.mark.parametrize("name", ["batch.size", "linger.ms", "queue.buffering.max.ms", "acks", "bootstrap.servers"])
def test_custom_config_wins_under_either_name(name: str):
    """The result has the property once, with the value of custom config."""
    made = properties(custom_config={name: "0"}, batch_size=500_000, linger_ms=3, acks="all")
    assert made[canonical(name)] == "0"
    assert set(made) & set(ALIASES) == set()


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("enable.metrics.push", "x"),
        ("message.timeout.ms", "40000"),
        ("reconnect.backoff.max.ms", "7"),
        ("security.protocol", "x"),
        ("socket.timeout.ms", "60000"),
        ("topic.metadata.refresh.interval.ms", "-1"),
    ],
)
def test_custom_config_wins_over_what_is_built_in(name: str, value: str):
    """Custom config may override every built-in property, and every one that follows from an option."""
    assert properties(custom_config={name: value})[name] == value


@pytest.mark.parametrize("name", REFUSED)
def test_what_would_break_the_promise_is_refused(name: str):
    """The sentence has the name and the reason."""
    sentence = refusal(custom_config={name: "1"})
    assert sentence == f"--kafka-exporter-custom-config: {name} is refused: {REFUSED[name]}."


def test_nothing_refused_has_a_second_name():
    """Otherwise the property could be set under its second name."""
    assert set(REFUSED) & (set(ALIASES) | set(ALIASES.values())) == set()


@pytest.mark.parametrize(("alias", "name"), ALIASES.items())
def test_two_names_of_one_property_contradict_each_other(alias: str, name: str):
    """They are refused even with equal values."""
    sentence = refusal(custom_config={alias: "1", name: "1"})
    assert sentence == (
        f"--kafka-exporter-custom-config: {alias} and {name} are two names of one property; keep one of them."
    )


@pytest.mark.parametrize("protocol", ["SASL_PLAINTEXT", "SASL_SSL"])
@pytest.mark.parametrize("missing", ["sasl_mechanism", "sasl_username", "sasl_password"])
def test_half_a_sasl_setting_is_refused(protocol: str, missing: str):
    """The sentence names what is missing."""
    given = {name: value for name, value in USER.items() if name != missing}
    sentence = refusal(security_protocol=protocol, **given)
    assert sentence == f"--kafka-exporter-security-protocol: {protocol} needs {ROWS[missing].flag} too."


def test_all_that_is_missing_is_named_at_once():
    """One start shows all that is missing."""
    assert refusal(security_protocol="SASL_SSL") == (
        "--kafka-exporter-security-protocol: SASL_SSL needs --kafka-exporter-sasl-mechanism, "
        "--kafka-exporter-sasl-username and --kafka-exporter-sasl-password too."
    )


@pytest.mark.parametrize("protocol", ["PLAINTEXT", "SSL"])
@pytest.mark.parametrize("name", ["sasl_mechanism", "sasl_username", "sasl_password"])
def test_sasl_with_a_protocol_that_sends_no_credentials_is_refused(protocol: str, name: str):
    """Such a configuration looks secure but is not."""
    sentence = refusal(security_protocol=protocol, **{name: USER[name]})
    assert sentence.startswith(
        f"--kafka-exporter-security-protocol: {protocol} sends no credentials, but {ROWS[name].flag} is set"
    )


def test_a_password_in_the_folder_counts_as_set():
    """A file of the credentials folder counts like the option."""
    assert "sends no credentials" in refusal(Credentials(password="hunter2"))
    made = properties(Credentials("edge", "hunter2"), sasl_mechanism="PLAIN", security_protocol="SASL_SSL")
    assert (made["sasl.username"], made["sasl.password"]) == ("edge", "hunter2")


@pytest.mark.parametrize(
    ("name", "credentials"),
    [("sasl_username", Credentials(username="hunter2")), ("sasl_password", Credentials(password="hunter2"))],
)
def test_the_same_credential_in_two_places_is_refused(name: str, credentials: Credentials):
    """The exporter cannot know which one is current."""
    sentence = refusal(credentials, security_protocol="SASL_SSL", **USER)
    file = name.removeprefix("sasl_")
    assert (
        sentence == f"{ROWS[name].flag} and the file {file} in the credentials folder are both set; keep one of them."
    )


@pytest.mark.parametrize("protocol", ["PLAINTEXT", "SASL_PLAINTEXT"])
def test_certificates_with_a_protocol_that_does_not_encrypt_are_refused(protocol: str):
    """The sentence names the files."""
    given = USER if protocol.startswith("SASL") else {}
    sentence = refusal(CA, security_protocol=protocol, **given)
    assert sentence.startswith(
        f"--kafka-exporter-security-protocol: {protocol} is not encrypted, but the credentials hold ca.crt;"
    )


@pytest.mark.parametrize("half", ["certificate", "key"])
def test_half_a_client_certificate_is_refused(half: str):
    """A certificate without its key is refused, and a key without its certificate."""
    sentence = refusal(Credentials(**{half: PurePosixPath("/c/file")}), security_protocol="SSL")  # type: ignore[arg-type]
    assert sentence.endswith("tls.crt and tls.key go together.")


def test_certificates_become_locations():
    """librdkafka opens the files by itself."""
    made = properties(
        Credentials(
            ca=PurePosixPath("/c/ca.crt"), certificate=PurePosixPath("/c/tls.crt"), key=PurePosixPath("/c/tls.key")
        ),
        security_protocol="SSL",
    )
    assert made["ssl.ca.location"] == "/c/ca.crt"
    assert made["ssl.certificate.location"] == "/c/tls.crt"
    assert made["ssl.key.location"] == "/c/tls.key"


def test_idempotence_lets_a_default_give_way():
    """The specification's own example works, because librdkafka then uses acks=all."""
    made = properties(custom_config={"enable.idempotence": "true", "max.in.flight.requests.per.connection": "1"})
    assert "request.required.acks" not in made
    assert made["message.send.max.retries"] == str(INT32_MAX)


@pytest.mark.parametrize("acks", ["none", "one"])
def test_idempotence_against_acks_that_were_set_is_refused(acks: str):
    """The sentence names both, and both ways out."""
    assert refusal(acks=acks, custom_config={"enable.idempotence": "true"}) == (
        f"--kafka-exporter-acks: {acks} contradicts enable.idempotence=true in --kafka-exporter-custom-config; "
        "use all, or remove enable.idempotence."
    )


def test_idempotence_against_no_retries_is_refused():
    """Idempotence needs retries."""
    assert refusal(retries=0, acks="all", custom_config={"enable.idempotence": "true"}).startswith(
        "--kafka-exporter-retries: 0 contradicts enable.idempotence=true"
    )


@pytest.mark.parametrize("name", ["acks", "request.required.acks"])
def test_idempotence_beside_custom_acks_is_left_to_librdkafka(name: str):
    """Custom config overrides the option."""
    made = properties(acks="one", custom_config={"enable.idempotence": "true", name: "all"})
    assert made["request.required.acks"] == "all"


def test_idempotence_that_is_off_changes_nothing():
    """A false value contradicts nothing."""
    assert properties(acks="one", custom_config={"enable.idempotence": "false"})["request.required.acks"] == "1"


@pytest.mark.parametrize(
    ("custom", "limits"),
    [
        ({}, (1024**3, 100_000)),
        ({"queue.buffering.max.messages": "7", "queue.buffering.max.kbytes": "2"}, (2048, 7)),
        ({"queue.buffering.max.messages": "0"}, (1024**3, 100_000)),
    ],
)
def test_what_the_producers_queue_takes_is_known(custom: dict[str, str], limits: tuple[int, int]):
    """The exporter needs the limit, because a request of more records could never succeed."""
    assert queue_limits(properties(custom_config=custom)) == limits


def test_the_default_limits_are_librdkafkas():
    """They equal the defaults of the installed librdkafka."""
    theirs = {one.name: one.default for one in librdkafka.properties()}
    names = ("queue.buffering.max.kbytes", "queue.buffering.max.messages")
    assert queue_limits({}) == queue_limits({name: theirs[name] for name in names})


@pytest.mark.parametrize("signal", ["traces", "logs"])
def test_a_signal_has_one_key(signal: str):
    """The sentence names both options."""
    flag = f"--kafka-exporter-partition-{signal}-by"
    both: dict[str, Any] = {f"partition_{signal}_by_{what}": True for what in ("trace_id", "resource_attributes")}
    sentence = refusal(**both)
    assert sentence == (
        f"{flag}-trace-id and {flag}-resource-attributes are both true, but a record has one key; keep one of them."
    )


def test_attributes_that_no_signal_is_keyed_by_are_a_mistake():
    """The option is refused when no signal uses it, and accepted when one signal does."""
    own: dict[str, Any] = {"partition_traces_by_trace_id": True, "partition_logs_by_resource_attributes": True}
    given = {**own, "partition_metrics_by_resource_attributes": True, "partition_key_attributes": ("service.name",)}
    assert refusal(**given) == (
        "--kafka-exporter-partition-key-attributes has no effect, because each signal has a partition option of its own "
        "(--kafka-exporter-partition-traces-by-trace-id, --kafka-exporter-partition-logs-by-resource-attributes, "
        "--kafka-exporter-partition-metrics-by-resource-attributes); remove it, or one of them."
    )
    properties(**{**given, "partition_metrics_by_resource_attributes": False})


def test_sentences_use_the_callers_spelling():
    """For a resource the sentences name fields instead of flags."""
    with pytest.raises(Contradiction) as caught:
        producer_properties(
            Options(security_protocol="SASL_SSL", **USER | {"sasl_password": None}),
            Credentials(),
            lambda row: f"spec.{row.field}",
        )
    assert str(caught.value) == "spec.securityProtocol: SASL_SSL needs spec.sasl.passwordSecretRef too."


def test_a_configuration_to_check_opens_no_file_and_knows_no_broker():
    """All other properties are kept."""
    made = properties(
        CA, security_protocol="SASL_SSL", **USER, custom_config={"plugin.library.paths": "x", "ssl.crl.location": "y"}
    )
    kept = without_files(made)
    assert set(made) - set(kept) == {
        "metadata.broker.list",
        "ssl.ca.location",
        "plugin.library.paths",
        "ssl.crl.location",
    }
    assert all(made[name] == value for name, value in kept.items())


def test_every_row_of_kafkas_gets_into_the_configuration():
    """Every property that a row names is set."""
    made = properties(security_protocol="SASL_SSL", **USER)
    named = {canonical(row.kafka.property) for row in ROWS.values() if row.kafka is not None}
    assert named - set(made) == set()


@pytest.mark.parametrize("value", ["true", "TRUE", "t", "1"])
def test_idempotence_is_seen_however_it_is_spelt(value: str):
    """Each spelling of true that librdkafka accepts is recognized."""
    assert "request.required.acks" not in properties(custom_config={"enable.idempotence": value})


@pytest.mark.parametrize("value", ["0x100000", "1000000zz", " 1000000"])
def test_a_size_that_only_librdkafka_can_read_is_refused(value: str):
    """The exporter must know the limit too."""
    assert refusal(custom_config={"message.max.bytes": value}) == (
        "--kafka-exporter-custom-config: message.max.bytes has to be a whole number in digits, without a unit: it counts bytes."
    )
