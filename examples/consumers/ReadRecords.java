// Prints the name and the service of every span in a topic. pom.xml beside this file has the libraries that it needs.

import io.opentelemetry.proto.collector.trace.v1.ExportTraceServiceRequest;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.common.serialization.ByteArrayDeserializer;

public class ReadRecords {
    public static void main(String[] arguments) throws Exception {
        Map<String, Object> properties = Map.of(
            "bootstrap.servers", arguments[0], "group.id", "read-records-java", "auto.offset.reset", "earliest");
        var bytes = new ByteArrayDeserializer();
        try (var consumer = new KafkaConsumer<>(properties, bytes, bytes)) {
            consumer.subscribe(List.of(arguments[1]));
            while (true) {
                for (var record : consumer.poll(Duration.ofSeconds(1))) {
                    var type = new String(record.headers().lastHeader("content-type").value(), StandardCharsets.UTF_8);
                    if (!type.equals("application/x-protobuf")) {
                        throw new IllegalStateException(arguments[1] + " has records in " + type);
                    }
                    for (var envelope : ExportTraceServiceRequest.parseFrom(record.value()).getResourceSpansList()) {
                        var service = envelope.getResource().getAttributesList().stream()
                            .filter(one -> one.getKey().equals("service.name"))
                            .map(one -> one.getValue().getStringValue()).findFirst().orElse(null);
                        envelope.getScopeSpansList().stream().flatMap(scope -> scope.getSpansList().stream())
                            .forEach(span -> System.out.println(service + " " + span.getName()));
                    }
                }
            }
        }
    }
}
