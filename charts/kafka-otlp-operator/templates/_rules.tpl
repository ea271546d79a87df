{{- /* What the operator does in each namespace that it works in: kafka_otlp_operator/access.py has the same as a table. */ -}}
{{- define "kafka-otlp-operator.rules" -}}
- apiGroups: [kafka-otlp.dev]
  resources: [kafkaotlpexporters]
  verbs: [get, list, watch]
- apiGroups: [kafka-otlp.dev]
  resources: [kafkaotlpexporters/status]
  verbs: [patch]
# An owner reference that holds back the owner's deletion is a right of its own where that is enforced (OpenShift).
- apiGroups: [kafka-otlp.dev]
  resources: [kafkaotlpexporters/finalizers]
  verbs: [update]
- apiGroups: [apps]
  resources: [deployments]
  verbs: [get, list, watch, create, patch, delete]
- apiGroups: [""]
  resources: [services]
  verbs: [get, list, watch, create, patch, delete]
- apiGroups: [""]
  resources: [serviceaccounts]
  verbs: [get, list, watch, create, patch, delete]
- apiGroups: [networking.k8s.io]
  resources: [networkpolicies]
  verbs: [get, list, watch, create, patch, delete]
- apiGroups: [policy]
  resources: [poddisruptionbudgets]
  verbs: [get, list, watch, create, patch, delete]
- apiGroups: [autoscaling]
  resources: [horizontalpodautoscalers]
  verbs: [get, list, watch, create, patch, delete]
# Made only where the Prometheus operator's definition of it is installed.
- apiGroups: [monitoring.coreos.com]
  resources: [podmonitors]
  verbs: [get, list, watch, create, patch, delete]
# Why pods are not ready is read from them, for the status.
- apiGroups: [""]
  resources: [pods]
  verbs: [list]
# A resource that becomes ready, or stops being it, is told of in an Event.
- apiGroups: [""]
  resources: [events]
  verbs: [create]
{{- end -}}

{{- /* For credentialReload: Restart: the operator may read what the pods mount. */ -}}
{{- define "kafka-otlp-operator.secretRules" -}}
- apiGroups: [""]
  resources: [secrets, configmaps]
  verbs: [get]
{{- end -}}
