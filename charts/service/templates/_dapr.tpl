{{/* The sidecar outlives the service (as a native one: Dapr 1.18), and may do nothing that a restricted namespace forbids. Workers are an app
of their own: Dapr makes one Service per app, for the pods of one Deployment. It may ask neither the API server (pods have no token for the built-in
store of secrets) nor placement and the scheduler, which serve actors and jobs: a sidecar that knows one and does not reach it is never ready. */}}
{{- define "service.daprAnnotations" -}}
dapr.io/enabled: "true"
dapr.io/app-id: {{ include "service.name" . }}{{ .own.suffix }}
dapr.io/app-port: "8080"
dapr.io/config: {{ include "service.name" . }}
dapr.io/enable-native-sidecar: "true"
dapr.io/sidecar-seccomp-profile-type: RuntimeDefault
dapr.io/disable-builtin-k8s-secret-store: "true"
dapr.io/placement-host-address: ""
dapr.io/scheduler-host-address: ""
dapr.io/max-body-size: {{ include "service.largestBody" . }}Mi
dapr.io/sidecar-cpu-request: {{ .Values.dapr.resources.cpu }}
dapr.io/sidecar-memory-request: {{ .Values.dapr.resources.memory }}
{{- end -}}

{{/* Who may call this service through its sidecar: those that `own.callers` lists, by app id and namespace. */}}
{{- define "service.daprConfiguration" -}}
apiVersion: dapr.io/v1alpha1
kind: Configuration
metadata: {{- include "service.metadata" . | nindent 2 }}
spec:
  accessControl:
    defaultAction: deny
    trustDomain: {{ .Values.dapr.trustDomain }}
    {{- with .own.callers }}
    policies:
      {{- range . }}
      - appId: {{ .app }}
        namespace: {{ .namespace }}
        trustDomain: {{ $.Values.dapr.trustDomain }}
        defaultAction: deny
        operations:
          - {name: /**, httpVerb: ["GET", "POST", "DELETE"], action: allow}
      {{- end }}
    {{- end }}
  api:
    allowed:
      - {name: invoke, version: v1.0, protocol: http}
{{- end -}}
