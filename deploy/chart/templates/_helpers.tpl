{{- define "cupcakery.name" -}}
{{- if contains .Chart.Name .Release.Name }}{{ .Release.Name | trunc 40 | trimSuffix "-" }}{{ else }}{{ printf "%s-%s" .Release.Name .Chart.Name | trunc 40 | trimSuffix "-" }}{{ end -}}
{{- end }}

{{/* What selects the release's pods, all of them or those of one component. */}}
{{- define "cupcakery.selector" -}}
app.kubernetes.io/name: cupcakery
app.kubernetes.io/instance: {{ .root.Release.Name }}
{{- with get . "component" }}
app.kubernetes.io/component: {{ . }}
{{- end }}
{{- end }}

{{- define "cupcakery.labels" -}}
{{ include "cupcakery.selector" . }}
app.kubernetes.io/managed-by: {{ .root.Release.Service }}
helm.sh/chart: {{ .root.Chart.Name }}-{{ .root.Chart.Version }}
{{- end }}

{{- define "cupcakery.image" -}}
{{ .root.Values.image.repository }}:{{ get . "tag" | default .root.Values.image.tag | default .root.Chart.AppVersion }}
{{- end }}

{{/* The Secret with which a component signs in to Kafka: its own, or everybody's. */}}
{{- define "cupcakery.kafkaSecret" -}}
{{- get . "own" | default .root.Values.kafka.secret -}}
{{- end }}

{{- define "cupcakery.kafkaEnv" -}}
{{- $kafka := .root.Values.kafka }}
{{- $secret := include "cupcakery.kafkaSecret" . }}
- {name: KAFKA_BROKERS, value: {{ join "," $kafka.brokers | quote }}}
- {name: KAFKA_TLS, value: {{ $kafka.tls | quote }}}
{{- if $kafka.caSecret }}
- {name: KAFKA_TLS_CA, value: /etc/cupcakery/kafka-ca/ca.crt}
{{- end }}
{{- if eq $kafka.auth "tls" }}
- {name: KAFKA_TLS_CERT, value: /etc/cupcakery/kafka-client/tls.crt}
- {name: KAFKA_TLS_KEY, value: /etc/cupcakery/kafka-client/tls.key}
{{- else if ne $kafka.auth "none" }}
- {name: KAFKA_SASL_MECHANISM, value: {{ $kafka.auth }}}
{{- if eq $kafka.usernameFrom "name" }}
- {name: KAFKA_SASL_USERNAME, value: {{ $secret | quote }}}
{{- else }}
- {name: KAFKA_SASL_USERNAME, valueFrom: {secretKeyRef: {name: {{ $secret }}, key: username}}}
{{- end }}
- {name: KAFKA_SASL_PASSWORD, valueFrom: {secretKeyRef: {name: {{ $secret }}, key: password}}}
{{- end }}
{{- end }}

{{/* Where Temporal is, and how to sign in there. Its worker controller gives its workers all but the authority. */}}
{{- define "cupcakery.temporalEnv" -}}
{{- $temporal := .root.Values.temporal }}
{{- if not (get . "controlled") }}
- {name: TEMPORAL_ADDRESS, value: {{ $temporal.address | quote }}}
- {name: TEMPORAL_NAMESPACE, value: {{ $temporal.namespace | quote }}}
- {name: TEMPORAL_TLS, value: {{ $temporal.tls | quote }}}
{{- if $temporal.clientSecret }}
- {name: TEMPORAL_TLS_CLIENT_CERT_PATH, value: /etc/cupcakery/temporal-client/tls.crt}
- {name: TEMPORAL_TLS_CLIENT_KEY_PATH, value: /etc/cupcakery/temporal-client/tls.key}
{{- end }}
{{- if $temporal.apiKeySecret }}
- {name: TEMPORAL_API_KEY, valueFrom: {secretKeyRef: {name: {{ $temporal.apiKeySecret }}, key: api-key}}}
{{- end }}
{{- end }}
{{- if $temporal.caSecret }}
- {name: TEMPORAL_TLS_SERVER_CA_CERT_PATH, value: /etc/cupcakery/temporal-ca/ca.crt}
{{- end }}
{{- end }}

{{- define "cupcakery.encryptionEnv" -}}
{{- with .root.Values.encryption }}
{{- if .keysetSecret }}
- {name: CUPCAKERY_ENCRYPTION_KEYSET, value: /etc/cupcakery/encryption/keyset.json}
{{- end }}
{{- end }}
{{- end }}

{{/* Where the ledger is kept. Whoever knows the address may read and write all of it. */}}
{{- define "cupcakery.ledgerEnv" -}}
{{- with .root.Values.ledger }}
{{- if .enabled }}
- {name: CUPCAKERY_LEDGER_DATABASE, valueFrom: {secretKeyRef: {name: {{ .databaseSecret }}, key: url}}}
{{- end }}
{{- end }}
{{- end }}

{{- define "cupcakery.commonEnv" -}}
- {name: CUPCAKERY_LOG_FORMAT, value: json}
{{- range $name, $value := .root.Values.env }}
- {name: {{ $name }}, value: {{ $value | quote }}}
{{- end }}
{{- end }}

{{/*
What a container mounts: name, path and, as volume, where it comes from. Callers
give a list of those that they use; the same list makes mounts and volumes.
*/}}
{{- define "cupcakery.files" -}}
{{- $values := .root.Values }}
{{- $secret := include "cupcakery.kafkaSecret" . }}
{{- $files := dict }}
{{- with $values.kafka.caSecret }}{{ $_ := set $files "kafka-ca" (dict "secret" .) }}{{ end }}
{{- if eq $values.kafka.auth "tls" }}{{ $_ := set $files "kafka-client" (dict "secret" $secret) }}{{ end }}
{{- if get . "temporal" }}
{{- with $values.temporal.caSecret }}{{ $_ := set $files "temporal-ca" (dict "secret" .) }}{{ end }}
{{- if not (get . "controlled") }}{{ with $values.temporal.clientSecret }}{{ $_ := set $files "temporal-client" (dict "secret" .) }}{{ end }}{{ end }}
{{- end }}
{{- if get . "encryption" }}{{ with $values.encryption.keysetSecret }}{{ $_ := set $files "encryption" (dict "secret" .) }}{{ end }}{{ end }}
{{- if and (get . "ledger") $values.ledger.enabled }}{{ $_ := set $files "ledger" (dict "secret" $values.ledger.databaseSecret) }}{{ end }}
{{- if get . "kitchen" }}{{ if $values.kitchen }}{{ $_ := set $files "kitchen" (dict "configMap" (printf "%s-kitchen" (include "cupcakery.name" .root))) }}{{ end }}{{ end }}
{{- range $name, $from := get . "more" | default dict }}{{ if $from }}{{ $_ := set $files $name (dict "secret" $from) }}{{ end }}{{ end }}
{{- toJson $files }}
{{- end }}

{{- define "cupcakery.mounts" -}}
{{- range $name, $_ := . }}
- {name: {{ $name }}, mountPath: /etc/cupcakery/{{ $name }}, readOnly: true}
{{- end }}
{{- end }}

{{- define "cupcakery.volumes" -}}
{{- range $name, $from := . }}
- name: {{ $name }}
{{- if get $from "secret" }}
  secret: {secretName: {{ $from.secret }}, defaultMode: 0440}
{{- else }}
  configMap: {name: {{ $from.configMap }}}
{{- end }}
{{- end }}
{{- end }}

{{/*
Annotations that change with what the pods read only when they start. The
kitchen file is known here; of a Secret the cluster tells its version, which
gives nothing of it away. Without a cluster ("helm template") there is none.
*/}}
{{- define "cupcakery.restartOnChange" -}}
{{- $root := .root }}
{{- $secrets := dict }}
{{- range $name, $from := .files }}
{{- if get $from "configMap" }}
cupcakery/{{ $name }}: {{ $root.Values.kitchen | sha256sum }}
{{- else }}
{{- $_ := set $secrets $name $from.secret }}
{{- end }}
{{- end }}
{{- if ne $root.Values.kafka.auth "none" }}{{ $_ := set $secrets "kafka-client" (include "cupcakery.kafkaSecret" .) }}{{ end }}
{{- if get . "temporal" }}{{ with $root.Values.temporal.apiKeySecret }}{{ $_ := set $secrets "temporal-client" . }}{{ end }}{{ end }}
{{- range $name, $secret := $secrets }}
{{- with lookup "v1" "Secret" $root.Release.Namespace $secret }}
cupcakery/{{ $name }}: {{ .metadata.resourceVersion | quote }}
{{- end }}
{{- end }}
{{- end }}

{{- define "cupcakery.podSecurity" -}}
runAsNonRoot: true
runAsUser: 65532
runAsGroup: 65532
fsGroup: 65532
seccompProfile: {type: RuntimeDefault}
{{- end }}

{{- define "cupcakery.containerSecurity" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
capabilities: {drop: [ALL]}
{{- end }}

{{- define "cupcakery.placement" -}}
{{- with .root.Values.image.pullSecret }}
imagePullSecrets: [{name: {{ . }}}]
{{- end }}
{{- with .root.Values.nodeSelector }}
nodeSelector: {{ toJson . }}
{{- end }}
# Over zones and nodes where there are several; on a small cluster they share one.
topologySpreadConstraints:
{{- range $key := list "topology.kubernetes.io/zone" "kubernetes.io/hostname" }}
  - maxSkew: 1
    topologyKey: {{ $key }}
    whenUnsatisfiable: ScheduleAnyway
    labelSelector:
      matchLabels: {{ include "cupcakery.selector" $ | fromYaml | toJson }}
    matchLabelKeys: [pod-template-hash]
{{- end }}
{{- end }}

{{/* Alive is a process that answers at all: an outage of Kafka or Temporal restarts nobody. */}}
{{- define "cupcakery.probes" -}}
startupProbe:
  httpGet: {path: /healthz, port: metrics}
  periodSeconds: 2
  failureThreshold: 30
livenessProbe:
  httpGet: {path: /healthz, port: metrics}
  periodSeconds: 10
  timeoutSeconds: 5
  failureThreshold: 6
readinessProbe:
  httpGet: {path: /readyz, port: metrics}
  periodSeconds: 5
  timeoutSeconds: 5
  failureThreshold: 2
{{- end }}

{{- define "cupcakery.workerName" -}}
{{ include "cupcakery.name" .root }}-worker{{ with get . "buildId" }}-{{ lower . | replace "." "-" | replace "_" "-" }}{{ end }}
{{- end }}

{{/* What workers scale by. Temporal's activity backlog is near zero however long the stations' queue is, and the tickets' topics tell of work in hand, not of work to carry. */}}
{{- define "cupcakery.workerScaling" -}}
minReplicas: {{ .Values.worker.replicas }}
maxReplicas: {{ .Values.autoscaling.worker.max }}
metrics:
  - type: External
    external:
      metric:
        name: cupcakery_consumer_lag
        selector:
          matchExpressions: [{key: group, operator: In, values: [order-acks]}]
      target: {type: AverageValue, averageValue: {{ .Values.autoscaling.worker.ackLag | quote }}}
  - type: External
    external:
      metric:
        name: cupcakery_workflow_backlog
        selector:
          matchLabels: {task_type: Workflow}
      target: {type: AverageValue, averageValue: {{ .Values.autoscaling.worker.workflowBacklog | quote }}}
{{- end }}
