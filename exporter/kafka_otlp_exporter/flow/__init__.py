"""The way of a request through the process: the byte budget, the queue of arrived requests, the loop to Kafka and back."""
