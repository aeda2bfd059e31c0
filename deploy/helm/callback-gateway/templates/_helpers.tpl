{{- define "gateway.name" -}}
{{- default .Chart.Name .Values.nameOverride | trunc 40 | trimSuffix "-" }}
{{- end }}

{{- /* At most 40 characters, so that names with a suffix stay below 63. */}}
{{- define "gateway.fullname" -}}
{{- if .Values.fullnameOverride }}
{{- .Values.fullnameOverride | trunc 40 | trimSuffix "-" }}
{{- else if contains (include "gateway.name" .) .Release.Name }}
{{- .Release.Name | trunc 40 | trimSuffix "-" }}
{{- else }}
{{- printf "%s-%s" .Release.Name (include "gateway.name" .) | trunc 40 | trimSuffix "-" }}
{{- end }}
{{- end }}

{{- define "gateway.selector" -}}
app.kubernetes.io/name: {{ include "gateway.name" . }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{- define "gateway.labels" -}}
{{ include "gateway.selector" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version }}
{{- end }}

{{- define "gateway.serviceAccount" -}}
{{- if .Values.serviceAccount.create }}
{{- default (include "gateway.fullname" .) .Values.serviceAccount.name }}
{{- else }}
{{- default "default" .Values.serviceAccount.name }}
{{- end }}
{{- end }}

{{- define "gateway.image" -}}
{{ .Values.image.repository }}:{{ default .Chart.AppVersion .Values.image.tag }}
{{- end }}

{{- define "gateway.replicas" -}}
{{- if .Values.replicas }}{{ .Values.replicas }}{{ else if eq .Values.log "disk" }}1{{ else }}2{{ end }}
{{- end }}

{{- /* Checks combinations of values. values.schema.json checks each value. */}}
{{- define "gateway.check" -}}
{{- $values := .Values }}
{{- $settings := default dict $values.settings }}
{{- if not $values.sdkAppIds }}
{{- fail "sdkAppIds: list every app whose callbacks to accept, such as [1400000000]" }}
{{- end }}
{{- if and (eq $values.log "disk") (gt (int (include "gateway.replicas" .)) 1) }}
{{- fail "replicas: with log: disk there can be only one gateway, because each would have its own log; use log: nats for several" }}
{{- end }}
{{- if and (eq $values.log "nats") (not $values.nats.urls) }}
{{- fail "nats.urls: log: nats needs the URLs of the servers, such as [nats://nats.nats:4222]" }}
{{- end }}
{{- if lt (int $values.drain.timeoutSeconds) (add 5 $values.drain.delaySeconds | int) }}
{{- fail "drain.timeoutSeconds: must be at least 5 more than drain.delaySeconds" }}
{{- end }}
{{- if not (or $values.callbackTokens.secretName $settings.allow_unsigned) }}
{{- fail "callbackTokens.secretName: set the Secret with the tokens that sign callbacks, or settings.allow_unsigned=true if something else keeps strangers out" }}
{{- end }}
{{- $grpc := default dict $settings.grpc }}
{{- if not (or $values.clientTokens.secretName $values.tls.grpc.clientCaSecretName (eq (default "" $grpc.auth) "none")) }}
{{- fail "clientTokens.secretName: set the Secret with the clients' tokens, or tls.grpc.clientCaSecretName, or settings.grpc.auth=none if something else keeps strangers out" }}
{{- end }}
{{- range $listener, $tls := $values.tls }}
{{- if and $tls.clientCaSecretName (not $tls.secretName) }}
{{- fail (printf "tls.%s.clientCaSecretName: needs tls.%s.secretName" $listener $listener) }}
{{- end }}
{{- end }}
{{- end }}

{{- /* Settings that have their own value in this chart, with the name of the value. */}}
{{- define "gateway.own" -}}
sdk_app_id: sdkAppIds
tokens_file: callbackTokens
tokens: callbackTokens
log: log
data_dir: disk
ready_file: a probe
new_epoch: extraEnv, for one start only
http.listen: listenAddress
http.tls_cert: tls.callbacks
http.tls_key: tls.callbacks
http.tls_client_ca: tls.callbacks
grpc.listen: listenAddress
grpc.tokens_file: clientTokens
grpc.tokens: clientTokens
grpc.tls_cert: tls.grpc
grpc.tls_key: tls.grpc
grpc.tls_client_ca: tls.grpc
admin.listen: listenAddress
nats.url: nats.urls
nats.replicas: nats.streamReplicas
nats.credentials_file: nats.credentials
nats.login_file: nats.login
nats.login: nats.login
nats.tls_ca: nats.caSecretName
drain.delay: drain.delaySeconds
drain.timeout: drain.timeoutSeconds
{{- end }}

{{- define "gateway.setting" -}}
{{- $own := index (include "gateway.own" . | fromYaml) .key }}
{{- if $own }}
{{- fail (printf "settings: %s is set with %s" .key $own) }}
{{- end }}
{{- /* toJson, because a large number would be printed as 1.4e+09. */}}
{{- $value := ternary .value (toJson .value) (kindIs "string" .value) }}
- {{ printf "--%s=%s" (regexReplaceAll "[._]" .key "-") $value | quote }}
{{- end }}

{{- /* The command line. The program rejects unknown options. */}}
{{- define "gateway.args" -}}
{{- $values := .Values }}
{{- range $values.sdkAppIds }}
- {{ printf "--sdk-app-id=%d" (int64 .) }}
{{- end }}
- --http-listen={{ $values.listenAddress }}:8080
- --grpc-listen={{ $values.listenAddress }}:50051
- --admin-listen={{ $values.listenAddress }}:9090
- --log={{ $values.log }}
{{- /* A separate directory in the volume: the gateway denies other users access to it. */}}
- --data-dir=/var/lib/callback-gateway/data
- --drain-delay={{ int $values.drain.delaySeconds }}s
- --drain-timeout={{ int $values.drain.timeoutSeconds }}s
{{- if $values.callbackTokens.secretName }}
- --tokens-file=/etc/callback-gateway/callback-tokens/{{ $values.callbackTokens.key }}
{{- end }}
{{- if $values.clientTokens.secretName }}
- --grpc-tokens-file=/etc/callback-gateway/client-tokens/{{ $values.clientTokens.key }}
{{- end }}
{{- range $listener, $tls := dict "http" $values.tls.callbacks "grpc" $values.tls.grpc }}
{{- if $tls.secretName }}
- --{{ $listener }}-tls-cert=/etc/callback-gateway/{{ $listener }}-tls/tls.crt
- --{{ $listener }}-tls-key=/etc/callback-gateway/{{ $listener }}-tls/tls.key
{{- end }}
{{- if $tls.clientCaSecretName }}
- --{{ $listener }}-tls-client-ca=/etc/callback-gateway/{{ $listener }}-client-ca/ca.crt
{{- end }}
{{- end }}
{{- if eq $values.log "nats" }}
- --nats-url={{ join "," $values.nats.urls }}
- --nats-replicas={{ int $values.nats.streamReplicas }}
{{- with $values.nats.credentials }}{{ if .secretName }}
- --nats-credentials-file=/etc/callback-gateway/nats-credentials/{{ .key }}
{{- end }}{{ end }}
{{- with $values.nats.login }}{{ if .secretName }}
- --nats-login-file=/etc/callback-gateway/nats-login/{{ .key }}
{{- end }}{{ end }}
{{- if $values.nats.caSecretName }}
- --nats-tls-ca=/etc/callback-gateway/nats-ca/ca.crt
{{- end }}
{{- end }}
{{- range $key, $value := $values.settings }}
{{- if kindIs "map" $value }}
{{- range $inner, $value := $value }}
{{- include "gateway.setting" (dict "key" (printf "%s.%s" $key $inner) "value" $value) }}
{{- end }}
{{- else }}
{{- include "gateway.setting" (dict "key" $key "value" $value) }}
{{- end }}
{{- end }}
{{- end }}

{{- /* Mounted Secrets by directory name. */}}
{{- define "gateway.secrets" -}}
{{- $values := .Values }}
callback-tokens: {{ $values.callbackTokens.secretName | quote }}
client-tokens: {{ $values.clientTokens.secretName | quote }}
http-tls: {{ $values.tls.callbacks.secretName | quote }}
http-client-ca: {{ $values.tls.callbacks.clientCaSecretName | quote }}
grpc-tls: {{ $values.tls.grpc.secretName | quote }}
grpc-client-ca: {{ $values.tls.grpc.clientCaSecretName | quote }}
{{- if eq $values.log "nats" }}
nats-credentials: {{ $values.nats.credentials.secretName | quote }}
nats-login: {{ $values.nats.login.secretName | quote }}
nats-ca: {{ $values.nats.caSecretName | quote }}
{{- end }}
{{- end }}

{{- define "gateway.secretMounts" -}}
{{- range $name, $secret := include "gateway.secrets" . | fromYaml }}
{{- if $secret }}
- name: {{ $name }}
  mountPath: /etc/callback-gateway/{{ $name }}
  readOnly: true
{{- end }}
{{- end }}
{{- with .Values.extraVolumeMounts }}
{{ toYaml . }}
{{- end }}
{{- end }}

{{- define "gateway.secretVolumes" -}}
{{- range $name, $secret := include "gateway.secrets" . | fromYaml }}
{{- if $secret }}
- name: {{ $name }}
  secret:
    secretName: {{ $secret }}
    # Owned by root, readable by the pod's group.
    defaultMode: 0440
{{- end }}
{{- end }}
{{- with .Values.extraVolumes }}
{{ toYaml . }}
{{- end }}
{{- end }}

{{- define "gateway.podSecurity" -}}
runAsNonRoot: true
runAsUser: 65532
runAsGroup: 65532
fsGroup: 65532
fsGroupChangePolicy: OnRootMismatch
seccompProfile:
  type: RuntimeDefault
{{- end }}

{{- define "gateway.containerSecurity" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
capabilities:
  drop: [ALL]
{{- end }}

{{- /* Exceeds the gateway's own deadlines: the timeout, up to 5 s to close the log, and 2 s for the last
traces. */}}
{{- define "gateway.grace" -}}
{{ add 10 (int .Values.drain.timeoutSeconds) }}
{{- end }}

{{- define "gateway.pod" -}}
metadata:
  labels:
    {{- include "gateway.selector" . | nindent 4 }}
    {{- with .Values.podLabels }}
    {{- toYaml . | nindent 4 }}
    {{- end }}
  {{- with .Values.podAnnotations }}
  annotations:
    {{- toYaml . | nindent 4 }}
  {{- end }}
spec:
  serviceAccountName: {{ include "gateway.serviceAccount" . }}
  automountServiceAccountToken: false
  # Services are resolved by name; their environment variables are not needed.
  enableServiceLinks: false
  terminationGracePeriodSeconds: {{ include "gateway.grace" . }}
  securityContext:
    {{- include "gateway.podSecurity" . | nindent 4 }}
  {{- with .Values.imagePullSecrets }}
  imagePullSecrets:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  {{- with .Values.priorityClassName }}
  priorityClassName: {{ . }}
  {{- end }}
  {{- with .Values.nodeSelector }}
  nodeSelector:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  {{- with .Values.tolerations }}
  tolerations:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  {{- with .Values.affinity }}
  affinity:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  {{- if .Values.topologySpreadConstraints }}
  topologySpreadConstraints:
    {{- toYaml .Values.topologySpreadConstraints | nindent 4 }}
  {{- else if eq .Values.log "nats" }}
  topologySpreadConstraints:
    - maxSkew: 1
      topologyKey: kubernetes.io/hostname
      whenUnsatisfiable: ScheduleAnyway
      labelSelector:
        matchLabels:
          {{- include "gateway.selector" . | nindent 10 }}
  {{- end }}
  containers:
    - name: gateway
      image: {{ include "gateway.image" . }}
      imagePullPolicy: {{ .Values.image.pullPolicy }}
      args:
        - serve
        {{- include "gateway.args" . | trim | nindent 8 }}
      {{- with .Values.extraEnv }}
      env:
        {{- toYaml . | nindent 8 }}
      {{- end }}
      ports:
        - name: callbacks
          containerPort: 8080
        - name: grpc
          containerPort: 50051
        - name: admin
          containerPort: 9090
      # Waits until the log is open, which can take minutes after a crash.
      startupProbe:
        httpGet:
          path: /livez
          port: admin
        periodSeconds: 1
        timeoutSeconds: 3
        failureThreshold: 300
      # Checks only that the process answers: a restart would not repair a full disk.
      livenessProbe:
        httpGet:
          path: /livez
          port: admin
        periodSeconds: 10
        timeoutSeconds: 3
        failureThreshold: 3
      # Checks that callbacks can be stored. With a single gateway, one slow answer does not make it unready.
      readinessProbe:
        httpGet:
          path: /readyz
          port: admin
        periodSeconds: 1
        timeoutSeconds: 3
        failureThreshold: {{ if eq .Values.log "disk" }}3{{ else }}1{{ end }}
      resources:
        {{- toYaml .Values.resources | nindent 8 }}
      securityContext:
        {{- include "gateway.containerSecurity" . | nindent 8 }}
      volumeMounts:
        - name: data
          mountPath: /var/lib/callback-gateway
        {{- with include "gateway.secretMounts" . | trim }}
        {{- . | nindent 8 }}
        {{- end }}
  {{- $volumes := include "gateway.secretVolumes" . | trim }}
  {{- if or (eq .Values.log "nats") $volumes }}
  volumes:
    {{- if eq .Values.log "nats" }}
    # For the index, which is rebuilt, and the mark of the newest event. A new pod has neither.
    - name: data
      emptyDir: {}
    {{- end }}
    {{- $volumes | nindent 4 }}
  {{- end }}
{{- end }}
