"""The way of a request through the process: the byte budget, the queue of requests, the loop to Kafka and back."""
