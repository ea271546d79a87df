{{- /* The operator's rights in each namespace that it watches. kafka_otlp_operator/api/access.py has the same as a table. */ -}}
{{- define "kafka-otlp-operator.rules" -}}
- apiGroups: [kafka-otlp.dev]
  resources: [kafkaotlpexporters]
  verbs: [get, list, watch]
- apiGroups: [kafka-otlp.dev]
  resources: [kafkaotlpexporters/status]
  verbs: [patch]
# OpenShift enforces a right for owner references with blockOwnerDeletion.
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
# The operator makes it only when the Prometheus operator's definition is installed.
- apiGroups: [monitoring.coreos.com]
  resources: [podmonitors]
  verbs: [get, list, watch, create, patch, delete]
# The resource's status says why its pods are not ready.
- apiGroups: [""]
  resources: [pods]
  verbs: [list]
# The operator posts an Event when a resource becomes ready or stops being ready.
- apiGroups: [""]
  resources: [events]
  verbs: [create]
{{- end -}}

{{- /* For credentialReload: Restart: the operator may read the Secrets and ConfigMaps that the pods mount. */ -}}
{{- define "kafka-otlp-operator.secretRules" -}}
- apiGroups: [""]
  resources: [secrets, configmaps]
  verbs: [get]
{{- end -}}
