{{/* Everything of one release, in the order in which it is read. */}}
{{- define "service.objects" -}}
{{- $own := merge .own (dict "secrets" false "grpc" false "tasks" false "files" dict "settings" dict) -}}
{{- $_ := set . "own" $own -}}
{{- include "service.refusals" . -}}
{{ include "service.account" . }}
{{- if $own.files }}
---
{{ include "service.configuration" . }}
{{- end }}
{{- range include "service.processes" . | fromYamlArray }}
{{- $process := set (omit $ "own") "own" (merge . $own) }}
---
{{ include "service.process" $process }}
{{- end }}
---
{{ include "service.service" . }}
---
{{ include "service.managementService" . }}
{{- if .Values.networkPolicy.enabled }}
---
{{ include "service.networkPolicy" . }}
{{- end }}
{{- if .Values.serviceMonitor.enabled }}
---
{{ include "service.monitor" . }}
{{- end }}
{{- if $own.tasks }}
{{ include "service.taskObjects" . }}
{{- end }}
{{- end -}}

{{/* Those of a service that keeps tasks and that callers reach. */}}
{{- define "service.taskObjects" -}}
{{- with include "service.secretObjects" . }}
---
{{ . }}
{{- end }}
{{- with include "service.ingress" . }}
---
{{ . }}
{{- end }}
{{- if .Values.dapr.enabled }}
---
{{ include "service.daprConfiguration" . }}
{{- end }}
{{- if .Values.test.enabled }}
---
{{ include "service.test" . }}
{{- if .Values.networkPolicy.enabled }}
---
{{ include "service.testNetworkPolicy" . }}
{{- end }}
{{- end }}
{{- end -}}

{{/* One Deployment and what belongs to it alone. */}}
{{- define "service.process" -}}
{{ include "service.deployment" . }}
{{- if .own.keda }}
---
{{ include "service.scaledObject" . }}
{{- else if .own.scaling.enabled }}
---
{{ include "service.autoscaler" . }}
{{- end }}
{{- if ge (include "service.leastReplicas" . | int) 2 }}
---
{{ include "service.disruptionBudget" . }}
{{- end }}
{{- end -}}

{{/* The Deployments: one that does everything, or one that answers and one that works. KEDA counts waiting tasks, and
so scales the one that works. */}}
{{- define "service.processes" -}}
{{- $values := .Values -}}
{{- $split := and .own.tasks $values.worker.enabled -}}
{{- $keda := and .own.tasks $values.keda.enabled -}}
- process: main
  suffix: ""
  role: {{ $split | ternary "api" "both" }}
  keda: {{ and $keda (not $split) }}
  replicas: {{ $values.replicas }}
  scaling: {{ toJson $values.autoscaling }}
  resources: {{ toJson $values.resources }}
{{- if $split }}
- process: worker
  suffix: -worker
  role: worker
  keda: {{ $keda }}
  replicas: {{ $values.worker.replicas }}
  scaling: {{ toJson $values.worker.autoscaling }}
  resources: {{ $values.worker.resources | default $values.resources | toJson }}
{{- end }}
{{- end -}}

{{/* As many as there can be at a time, the one that a roll-out adds included. */}}
{{- define "service.mostReplicas" -}}
{{- $most := 0 -}}
{{- range include "service.processes" . | fromYamlArray }}
{{- $replicas := .replicas }}
{{- if .keda }}{{ $replicas = $.Values.keda.maxReplicas }}{{ else if .scaling.enabled }}{{ $replicas = .scaling.maxReplicas }}{{ end }}
{{- $most = add $most $replicas 1 }}
{{- end -}}
{{ $most }}
{{- end -}}
