"""What librdkafka's errors mean, in words that a person can act on."""

import pytest

from kafka_otlp_exporter.kafka import faults
from kafka_otlp_exporter.kafka.faults import Fault, Identity, of_connection, of_outage, of_records
from kafka_otlp_exporter.outcomes import Reason, Unavailable

EDGE = Identity("a:1,b:2", "edge", "SCRAM-SHA-512")


@pytest.mark.parametrize("name", faults._MEANINGS)
def test_every_known_fault_is_a_whole_sentence(name: str):
    """No placeholder is left in it, and librdkafka's own text is not in it."""
    answer = of_records([Fault(name, "the secret text")], "otlp_traces")
    assert answer.message.endswith(".")
    assert not set("{}") & set(answer.message)
    assert "secret" not in answer.message
    assert answer.retry_after > 0


@pytest.mark.parametrize(
    "name",
    [
        "UNKNOWN_TOPIC_OR_PART",
        "TOPIC_AUTHORIZATION_FAILED",
        "NOT_ENOUGH_REPLICAS",
        "MSG_SIZE_TOO_LARGE",
        "INVALID_RECORD",
        "INVALID_TIMESTAMP",
    ],
)
def test_a_fault_of_a_topic_names_it(name: str):
    """An administrator needs to know which."""
    assert "otlp_traces" in of_records([Fault(name)], "otlp_traces").message


def test_a_topic_with_braces_in_its_name_is_shown_as_it_is():
    """A name is data, not a template."""
    assert "topic {x}" in of_records([Fault("_UNKNOWN_TOPIC")], "{x}").message


def test_a_fault_that_nobody_foresaw_is_named():
    """The client is told to send again all the same: its payload is not at fault."""
    assert of_records([Fault("INVALID_COMMIT_OFFSET_SIZE")], "t") == Unavailable(
        Reason.REFUSED_BY_KAFKA, "Kafka refused the record (INVALID_COMMIT_OFFSET_SIZE)."
    )


def test_the_first_fault_is_told():
    """The later ones are mostly its consequences."""
    several = [Fault("NOT_ENOUGH_REPLICAS"), Fault("_MSG_TIMED_OUT")]
    assert of_records(several, "t").reason is Reason.NOT_ENOUGH_REPLICAS


ADMINISTRATORS = {
    "_AUTHENTICATION",
    "_SSL",
    "_UNKNOWN_PARTITION",
    "_UNKNOWN_TOPIC",
    "CLUSTER_AUTHORIZATION_FAILED",
    "INVALID_RECORD",
    "INVALID_TIMESTAMP",
    "MSG_SIZE_TOO_LARGE",
    "NOT_ENOUGH_REPLICAS",
    "NOT_ENOUGH_REPLICAS_AFTER_APPEND",
    "SASL_AUTHENTICATION_FAILED",
    "TOPIC_AUTHORIZATION_FAILED",
    "TOPIC_EXCEPTION",
    "UNKNOWN_TOPIC_OR_PART",
}


@pytest.mark.parametrize("name", [*faults._MEANINGS, "INVALID_COMMIT_OFFSET_SIZE"])
def test_a_client_waits_five_seconds_for_what_an_administrator_must_repair(name: str):
    """And one second for what passes by itself."""
    assert of_records([Fault(name)], "t").retry_after == (5.0 if name in ADMINISTRATORS else 1.0)


REFUSED_SASL = "sasl_ssl://kafka-0.kafka:9093/bootstrap: SASL authentication error: Authentication failed (after 5ms)"
BAD_CERTIFICATE = (
    "ssl://kafka-0.kafka:9093/bootstrap: SSL handshake failed: error:0A000086:SSL routines::certificate verify failed: "
    "broker certificate could not be verified, verify that ssl.ca.location is correctly configured"
)


@pytest.mark.parametrize(
    ("fault", "reason", "sentence"),
    [
        (
            Fault("_AUTHENTICATION", REFUSED_SASL),
            Reason.AUTHENTICATION_FAILED,
            'Kafka at kafka-0.kafka:9093 refused user "edge" (SCRAM-SHA-512): check the user name, the password and '
            "the mechanism.",
        ),
        (
            Fault(
                "_AUTHENTICATION",
                "sasl_plaintext://kafka:9092/bootstrap: SASL SCRAM-SHA-512 mechanism handshake failed: Broker: Unsupported SASL "
                "mechanism: broker's supported mechanisms: PLAIN,SCRAM-SHA-256 (after 3ms in state AUTH_HANDSHAKE)",
            ),
            Reason.MECHANISM_NOT_ENABLED,
            "Kafka at kafka:9092 does not take the mechanism SCRAM-SHA-512: it takes PLAIN, SCRAM-SHA-256.",
        ),
        (
            Fault(
                "_AUTHENTICATION",
                "sasl_plaintext://kafka:9092/bootstrap: SASL SCRAM-SHA-512 mechanism handshake failed: Broker: Request not valid "
                "in current SASL state: broker's supported mechanisms:  (after 3ms in state AUTH_HANDSHAKE)",
            ),
            Reason.SASL_NOT_ENABLED,
            "Kafka at kafka:9092 has no SASL on this port: use a port of the brokers that has it, or securityProtocol SSL or "
            "PLAINTEXT.",
        ),
        (
            Fault(
                "_SSL",
                "ssl://kafka:9093/bootstrap: SSL handshake failed: error:0A000412:SSL routines::ssl/tls alert bad certificate: "
                "SSL alert number 42 (after 8ms in state SSL_HANDSHAKE)",
            ),
            Reason.CLIENT_CERTIFICATE_REFUSED,
            "Kafka at kafka:9093 refused the client certificate, or was sent none: check that the broker trusts the issuer of "
            "tls.crt, that tls.crt has the intermediate certificates too, and its end date.",
        ),
        (
            Fault("_SSL", BAD_CERTIFICATE),
            Reason.CERTIFICATE_NOT_TRUSTED,
            "the certificate of Kafka at kafka-0.kafka:9093 is not trusted: check ca.crt, and that the certificate "
            "names this host.",
        ),
        (
            Fault(
                "_SSL",
                "ssl://kafka:9092/bootstrap: SSL handshake failed: Disconnected: connecting to a PLAINTEXT listener?",
            ),
            Reason.CERTIFICATE_NOT_TRUSTED,
            "TLS with Kafka at kafka:9092 fails: check that this port speaks TLS, and the certificates.",
        ),
        (
            Fault("_RESOLVE", "kafka:9092/bootstrap: Failed to resolve 'kafka:9092': Name or service not known"),
            Reason.NAME_NOT_RESOLVED,
            "the name of Kafka at kafka:9092 cannot be resolved: check the brokers' names and the cluster's DNS.",
        ),
        (
            Fault(
                "_RESOLVE", "sasl_ssl://kafka:9092/bootstrap: Failed to resolve 'kafka:9092': Name or service not known"
            ),
            Reason.NAME_NOT_RESOLVED,
            "the name of Kafka at kafka:9092 cannot be resolved: check the brokers' names and the cluster's DNS.",
        ),
        (
            Fault("_TRANSPORT", "localhost:9092/bootstrap: Connect to ipv4#127.0.0.1:9092 failed: Connection refused"),
            Reason.KAFKA_UNREACHABLE,
            "Kafka at localhost:9092 cannot be reached: check the address, the network, and that the security protocol is that of the port.",
        ),
        (
            Fault("_ALL_BROKERS_DOWN", "1/1 brokers are down"),
            Reason.KAFKA_UNREACHABLE,
            "Kafka at a:1,b:2 cannot be reached: check the address, the network, and that the security protocol is that of the port.",
        ),
    ],
)
def test_a_connection_that_fails_says_where_and_what_to_check(fault: Fault, reason: Reason, sentence: str):
    """The sentence names the broker's address and the user."""
    assert of_connection(fault, EDGE) == (reason, sentence)


@pytest.mark.parametrize("text", ["certificate revoked", "Certificate expired", "verification failed", "Verify error"])
@pytest.mark.parametrize("name", ["_SSL", "_TRANSPORT", "_AUTHENTICATION"])
def test_a_certificate_in_librdkafkas_text_is_the_cause(name: str, text: str):
    """Either word is enough, in any case of letters. Only "verif" says so where librdkafka blames the credentials."""
    reason, _ = of_connection(Fault(name, f"ssl://kafka:9093/bootstrap: {text}"), EDGE)
    blamed = name == "_AUTHENTICATION" and "verif" not in text.lower()
    assert reason is (Reason.AUTHENTICATION_FAILED if blamed else Reason.CERTIFICATE_NOT_TRUSTED)


def test_a_fault_that_is_not_in_the_table_is_a_broker_that_cannot_be_reached():
    """librdkafka may add error codes."""
    assert of_connection(Fault("_OF_TOMORROW", "kafka:9092/bootstrap: x"), EDGE)[0] is Reason.KAFKA_UNREACHABLE


def test_refused_credentials_without_a_user_are_told_without_one():
    """The exporter does not know the name in a client certificate."""
    reason, sentence = of_connection(Fault("_AUTHENTICATION", REFUSED_SASL), Identity("a:1"))
    assert reason is Reason.AUTHENTICATION_FAILED
    assert "refused the user of the credentials folder:" in sentence


@pytest.mark.parametrize(
    ("fault", "reason", "retry_after"),
    [
        (Fault("_AUTHENTICATION", REFUSED_SASL), Reason.AUTHENTICATION_FAILED, 5.0),
        (Fault("_SSL", BAD_CERTIFICATE), Reason.CERTIFICATE_NOT_TRUSTED, 5.0),
        (Fault("_SSL", "ssl://kafka:9093/bootstrap: tls alert unknown ca"), Reason.CLIENT_CERTIFICATE_REFUSED, 5.0),
        (Fault("_RESOLVE", "kafka:9092/bootstrap: Failed to resolve 'kafka:9092'"), Reason.NAME_NOT_RESOLVED, 5.0),
        (Fault("_AUTHENTICATION", "a:1/b: broker's supported mechanisms:  (x)"), Reason.SASL_NOT_ENABLED, 5.0),
        (Fault("_AUTHENTICATION", "a:1/b: broker's supported mechanisms: PLAIN"), Reason.MECHANISM_NOT_ENABLED, 5.0),
        (Fault("_TRANSPORT", "kafka:9092/bootstrap: Connection refused"), Reason.KAFKA_UNREACHABLE, 1.0),
        (Fault("_OF_TOMORROW"), Reason.KAFKA_UNREACHABLE, 1.0),
    ],
)
def test_a_client_is_told_why_kafka_is_not_reached(fault: Fault, reason: Reason, retry_after: float):
    """In a sentence without names of brokers and users, which are for administrators."""
    answer = of_outage(fault)
    assert (answer.reason, answer.retry_after) == (reason, retry_after)
    assert answer.message.endswith(".")
    assert "kafka:" not in answer.message
