{{- /* The name of every object of the chart: the release's name, followed by the chart's where it is not part of it. */ -}}
{{- define "kafka-otlp-operator.fullname" -}}
{{- if .Values.fullnameOverride -}}
{{- .Values.fullnameOverride -}}
{{- else if contains .Chart.Name .Release.Name -}}
{{- .Release.Name -}}
{{- else -}}
{{- printf "%s-%s" .Release.Name .Chart.Name -}}
{{- end -}}
{{- end -}}

{{- define "kafka-otlp-operator.serviceAccountName" -}}
{{- .Values.serviceAccount.name | default (include "kafka-otlp-operator.fullname" .) -}}
{{- end -}}

{{- define "kafka-otlp-operator.selector" -}}
app.kubernetes.io/name: {{ .Chart.Name | quote }}
app.kubernetes.io/instance: {{ .Release.Name | quote }}
{{- end -}}

{{- define "kafka-otlp-operator.labels" -}}
{{ include "kafka-otlp-operator.selector" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/part-of: kafka-otlp
{{- end -}}

{{- /* The image reference of a dictionary with `image` and `version`: with its digest, else with its tag, else with the version. */ -}}
{{- define "kafka-otlp-operator.image" -}}
{{- if .image.digest -}}
{{- printf "%s@%s" .image.repository .image.digest -}}
{{- else -}}
{{- printf "%s:%s" .image.repository (.image.tag | default .version) -}}
{{- end -}}
{{- end -}}

{{- define "kafka-otlp-operator.subjects" -}}
- kind: ServiceAccount
  name: {{ include "kafka-otlp-operator.serviceAccountName" . | quote }}
  namespace: {{ .Release.Namespace | quote }}
{{- end -}}
