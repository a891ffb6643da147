{{/* Who and where a container is, for its --config and its log. */}}
{{- define "kago.env" -}}
- name: POD_NAME
  valueFrom: {fieldRef: {fieldPath: metadata.name}}
- name: POD_NAMESPACE
  valueFrom: {fieldRef: {fieldPath: metadata.namespace}}
- name: POD_IP
  valueFrom: {fieldRef: {fieldPath: status.podIP}}
- name: POD_IPS
  valueFrom: {fieldRef: {fieldPath: status.podIPs}}
- name: NODE_NAME
  valueFrom: {fieldRef: {fieldPath: spec.nodeName}}
- name: NODE_IP
  valueFrom: {fieldRef: {fieldPath: status.hostIP}}
- name: HOST_IPS
  valueFrom: {fieldRef: {fieldPath: status.hostIPs}}
{{- end }}

{{/* What a socket takes for ARP and NDP on the node's network, and one for VRRP; "" where nobody needs them. */}}
{{- define "kago.raw" -}}
{{- if include "kago.l2" . }}NET_RAW{{ end }}
{{- end }}

{{/* A container that adds these capabilities to none: list CAPABILITY..., of which some may be "" */}}
{{- define "kago.securityContext" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
privileged: false
# Kubernetes gives added capabilities to root only.
runAsUser: 0
runAsGroup: 0
capabilities:
  drop: [ALL]
  add: [{{ compact . | join ", " }}]
seccompProfile: {type: RuntimeDefault}
{{- end }}

{{/* What the controller reads. The token is mounted here and not by the kubelet, which would give it to exabgp, too. */}}
{{- define "kago.mounts" -}}
- {name: config, mountPath: /etc/kago, readOnly: true}
- {name: token, mountPath: /var/run/secrets/kubernetes.io/serviceaccount, readOnly: true}
{{- end }}

{{/* Where BGP passwords are, for who opens connections to peers: exabgp, and the check. */}}
{{- define "kago.passwordMount" -}}
{{- if or .Values.bgpPasswords .Values.existingSecret -}}
- {name: bgp-passwords, mountPath: /etc/kago-secrets, readOnly: true}
{{- end }}
{{- end }}

{{/* What may go into the node's network namespace, that of process 1: list ROOT CAPABILITY... */}}
{{- define "kago.nodeSecurityContext" -}}
{{- $root := first . }}
{{- include "kago.securityContext" (rest .) }}
{{- if and $root.Values.nodeSockets.appArmorProfile (semverCompare ">=1.30-0" $root.Capabilities.KubeVersion.Version) }}
appArmorProfile: {type: {{ $root.Values.nodeSockets.appArmorProfile }}}
{{- end }}
{{- end }}

{{/* How the sidecar comes to its sockets there: "" (not at all), "container" or "self". */}}
{{- define "kago.nodeSockets" -}}
{{- if .Values.nodeRoutes }}{{ .Values.nodeSockets.method }}{{ end }}
{{- end }}

{{- define "kago.nodeSocketsContainer" -}}
{{- if eq (include "kago.nodeSockets" .) "container" -}}
# Makes sockets in the node's network namespace for exabgp, which then needs neither a way there nor the capabilities
# for it: SYS_PTRACE opens the namespace, SYS_ADMIN enters it. Both are given up for good before it answers anybody.
# It starts before exabgp and ends after it.
{{- if include "kago.l2" . }}
# NET_RAW is for its sockets that hear ARP and NDP.
{{- end }}
- name: node-sockets
  image: {{ include "kago.image" (list . "nodeSockets") }}
  imagePullPolicy: {{ .Values.image.pullPolicy }}
  restartPolicy: Always
  args: [{{ if include "kago.l2" . }}--l2, {{ end }}/host/ns/net, /run/kago-node-sockets/socket]
  {{- with .Values.nodeSockets.resources }}
  resources:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  securityContext:
    {{- include "kago.nodeSecurityContext" (list . "SYS_ADMIN" "SYS_PTRACE" (include "kago.raw" .)) | nindent 4 }}
  volumeMounts:
    - {name: node-namespaces, mountPath: /host/ns, readOnly: true}
    - {name: run-node-sockets, mountPath: /run/kago-node-sockets}
{{- end }}
{{- end }}

{{- define "kago.checkContainer" -}}
{{- $fix := eq .Values.sysctls.method "initContainer" }}
{{- if or $fix .Values.check.enabled -}}
# Says in its log what of modules, sysctls, permissions is missing, and the remedy, before anything is served.
- name: check
  image: {{ include "kago.image" (list . "ipvs") }}
  imagePullPolicy: {{ .Values.image.pullPolicy }}
  args:
    - check
    - --config
    - /etc/kago/kago.yaml
    {{- if $fix }}
    - --fix
    {{- end }}
  env:
    {{- include "kago.env" . | nindent 4 }}
    {{- with .Values.ipvs.extraEnv }}
    {{- toYaml . | nindent 4 }}
    {{- end }}
  securityContext:
    {{- if $fix }}
    # The runtime mounts /proc/sys read-only in any other container, and IPVS in NAT mode stands on some sysctls.
    # They are of the pod's own network namespace, those of the node stay what they are. This container ends
    # before the others start. Without privileges: sysctls.method.
    privileged: true
    readOnlyRootFilesystem: true
    runAsUser: 0
    runAsGroup: 0
    {{- else }}
    {{- include "kago.securityContext" (list "NET_ADMIN") | nindent 4 }}
    {{- end }}
  {{- with .Values.check.resources }}
  resources:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  volumeMounts:
    {{- include "kago.mounts" . | nindent 4 }}
    {{- with include "kago.passwordMount" . }}
    {{- . | nindent 4 }}
    {{- end }}
    {{- with .Values.ipvs.extraVolumeMounts }}
    {{- toYaml . | nindent 4 }}
    {{- end }}
{{- end }}
{{- end }}

{{- define "kago.initContainers" -}}
{{- list (include "kago.checkContainer" .) (include "kago.nodeSocketsContainer" .) | compact | join "\n" }}
{{- end }}

{{- define "kago.ipvsContainer" -}}
- name: ipvs
  image: {{ include "kago.image" (list . "ipvs") }}
  imagePullPolicy: {{ .Values.image.pullPolicy }}
  args:
    - run
    - --source
    - kubernetes
    - --config
    - /etc/kago/kago.yaml
    {{- with .Values.ipvs.extraArgs }}
    {{- toYaml . | nindent 4 }}
    {{- end }}
  env:
    {{- include "kago.env" . | nindent 4 }}
    {{- with .Values.ipvs.extraEnv }}
    {{- toYaml . | nindent 4 }}
    {{- end }}
  ports:
    - {name: metrics, containerPort: 9440, protocol: TCP}
    - {name: probes, containerPort: 9441, protocol: TCP}
  livenessProbe:
    {{- toYaml .Values.ipvs.livenessProbe | nindent 4 }}
    httpGet: {path: /healthz, port: probes}
  readinessProbe:
    {{- toYaml .Values.ipvs.readinessProbe | nindent 4 }}
    httpGet: {path: /readyz, port: probes}
  {{- with .Values.ipvs.resources }}
  resources:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  securityContext:
    {{- include "kago.securityContext" (list "NET_ADMIN") | nindent 4 }}
  volumeMounts:
    {{- include "kago.mounts" . | nindent 4 }}
    - {name: run-ipvs, mountPath: /run/kago}
    {{- if .Values.sysctls.mount }}
    - {name: node-sysctls, mountPath: /host/sysctls}
    {{- end }}
    {{- with .Values.ipvs.extraVolumeMounts }}
    {{- toYaml . | nindent 4 }}
    {{- end }}
{{- end }}

{{- define "kago.exabgpContainer" -}}
- name: exabgp
  image: {{ include "kago.image" (list . "exabgp") }}
  imagePullPolicy: {{ .Values.image.pullPolicy }}
  args:
    - run
    - --config
    - /etc/kago/kago.yaml
    {{- with include "kago.nodeSockets" . }}
    - --node-netns
    - {{ if eq . "self" }}/host/ns/net{{ else }}unix:/run/kago-node-sockets/socket{{ end }}
    {{- end }}
    {{- with .Values.exabgp.extraArgs }}
    {{- toYaml . | nindent 4 }}
    {{- end }}
  env:
    {{- include "kago.env" . | nindent 4 }}
    {{- with .Values.exabgp.extraEnv }}
    {{- toYaml . | nindent 4 }}
    {{- end }}
  {{- if include "kago.l2" . }}
  livenessProbe:
    {{- toYaml .Values.exabgp.livenessProbe | nindent 4 }}
    exec:
      command:
        - kago-sidecar
        - status
        {{- with ((.Values.config).control).socket }}
        - --socket
        - {{ . }}
        {{- end }}
  {{- end }}
  {{- with .Values.exabgp.resources }}
  resources:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  securityContext:
    {{- if eq (include "kago.nodeSockets" .) "self" }}
    # SYS_PTRACE opens the node's network namespace, SYS_ADMIN enters it; the sidecar drops both for good as soon as
    # it has its sockets there.
    {{- include "kago.nodeSecurityContext" (list . "NET_ADMIN" "SYS_ADMIN" "SYS_PTRACE" (include "kago.raw" .)) | nindent 4 }}
    {{- else }}
    {{- include "kago.securityContext" (list "NET_ADMIN" (include "kago.raw" .)) | nindent 4 }}
    {{- end }}
  volumeMounts:
    - {name: config, mountPath: /etc/kago, readOnly: true}
    {{- with include "kago.passwordMount" . }}
    {{- . | nindent 4 }}
    {{- end }}
    - {name: run-exabgp, mountPath: /run/kago-exabgp}
    {{- if include "kago.l2" . }}
    - {name: run-l2, mountPath: /run/kago-l2}
    {{- end }}
    {{- with include "kago.nodeSockets" . }}
    {{- if eq . "self" }}
    - {name: node-namespaces, mountPath: /host/ns, readOnly: true}
    {{- else }}
    - {name: run-node-sockets, mountPath: /run/kago-node-sockets, readOnly: true}
    {{- end }}
    {{- end }}
    {{- with .Values.exabgp.extraVolumeMounts }}
    {{- toYaml . | nindent 4 }}
    {{- end }}
{{- end }}

{{/* config and secrets are folders and no subPaths, so that changes arrive. */}}
{{- define "kago.volumes" -}}
- name: config
  configMap: {name: {{ include "kago.workloadName" . }}}
- name: token
  projected:
    defaultMode: 0400
    sources:
      - serviceAccountToken: {path: token, expirationSeconds: 3607}
      - configMap: {name: kube-root-ca.crt, items: [{key: ca.crt, path: ca.crt}]}
      - downwardAPI: {items: [{path: namespace, fieldRef: {fieldPath: metadata.namespace}}]}
{{- if or .Values.bgpPasswords .Values.existingSecret }}
- name: bgp-passwords
  secret: {secretName: {{ include "kago.secretName" . }}, defaultMode: 0400}
{{- end }}
- name: run-ipvs
  emptyDir: {medium: Memory, sizeLimit: 512Mi}
- name: run-exabgp
  emptyDir: {medium: Memory, sizeLimit: 16Mi}
{{- if include "kago.l2" . }}
- name: run-l2
  emptyDir: {medium: Memory, sizeLimit: 4Mi}
{{- end }}
{{- if .Values.nodeRoutes }}
# For the routes from the node to the pod: who makes the sockets for them opens the file net in it.
- name: node-namespaces
  hostPath: {path: /proc/1/ns, type: Directory}
{{- end }}
{{- if .Values.sysctls.mount }}
# For one sysctl that changes while real servers are put in order. In this folder a process sees its own network
# namespace, in any mount of it; a folder below would be the node's.
- name: node-sysctls
  hostPath: {path: /proc/sys/net, type: Directory}
{{- end }}
{{- if eq (include "kago.nodeSockets" .) "container" }}
# In two containers alone: who sees it gets sockets of the node.
- name: run-node-sockets
  emptyDir: {medium: Memory, sizeLimit: 1Mi}
{{- end }}
{{- with .Values.extraVolumes }}
{{ toYaml . }}
{{- end }}
{{- end }}

{{/* Where load balancers, and the test of them, run. */}}
{{- define "kago.placement" -}}
serviceAccountName: {{ include "kago.serviceAccountName" . }}
automountServiceAccountToken: false
enableServiceLinks: false
{{- with .Values.imagePullSecrets }}
imagePullSecrets:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .Values.nodeSelector }}
nodeSelector:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .Values.tolerations }}
tolerations:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- if eq .Values.sysctls.method "podSecurityContext" }}
securityContext:
  sysctls:
    {{- toYaml .Values.sysctls.list | nindent 4 }}
{{- end }}
{{- end }}

{{/* Load balancers keep off each other's nodes if they can (soft), or always (hard). */}}
{{- define "kago.affinity" -}}
{{- if .Values.affinity }}
{{- toYaml .Values.affinity }}
{{- else if eq .Values.podAntiAffinityPreset "soft" -}}
podAntiAffinity:
  preferredDuringSchedulingIgnoredDuringExecution:
    - weight: 100
      podAffinityTerm:
        topologyKey: kubernetes.io/hostname
        labelSelector:
          matchLabels:
            {{- include "kago.selectorLabels" . | nindent 12 }}
{{- else if eq .Values.podAntiAffinityPreset "hard" -}}
podAntiAffinity:
  requiredDuringSchedulingIgnoredDuringExecution:
    - topologyKey: kubernetes.io/hostname
      labelSelector:
        matchLabels:
          {{- include "kago.selectorLabels" . | nindent 10 }}
{{- end }}
{{- end }}

{{- define "kago.podTemplate" -}}
metadata:
  labels:
    {{- include "kago.workloadLabels" . | nindent 4 }}
    {{- with mergeOverwrite dict (.Values.commonLabels | default dict) (.Values.podLabels | default dict) }}
    {{- toYaml . | nindent 4 }}
    {{- end }}
  annotations:
    kubectl.kubernetes.io/default-container: ipvs
    {{- if .Values.prometheus.scrapeAnnotations }}
    prometheus.io/scrape: "true"
    prometheus.io/port: "9440"
    prometheus.io/path: /metrics
    {{- end }}
    {{- if .Values.restartOnConfigChange }}
    checksum/config: {{ include "kago.config" . | sha256sum }}
    {{- end }}
    {{- with mergeOverwrite dict (.Values.commonAnnotations | default dict) (.Values.podAnnotations | default dict) }}
    {{- toYaml . | nindent 4 }}
    {{- end }}
spec:
  {{- include "kago.placement" . | nindent 2 }}
  {{- with .Values.priorityClassName }}
  priorityClassName: {{ . }}
  {{- end }}
  terminationGracePeriodSeconds: {{ .Values.terminationGracePeriodSeconds | default (include "kago.gracePeriod" .) }}
  {{- if eq .Values.kind "Deployment" }}
  {{- with include "kago.affinity" . }}
  affinity:
    {{- . | nindent 4 }}
  {{- end }}
  {{- with .Values.topologySpreadConstraints }}
  topologySpreadConstraints:
    {{- range . }}
    - {{ toYaml (merge (deepCopy .) (dict "labelSelector" (dict "matchLabels" (include "kago.workloadLabels" $ | fromYaml)))) | nindent 6 | trim }}
    {{- end }}
  {{- end }}
  {{- else if .Values.affinity }}
  affinity:
    {{- toYaml .Values.affinity | nindent 4 }}
  {{- end }}
  {{- with include "kago.initContainers" . }}
  initContainers:
    {{- . | nindent 4 }}
  {{- end }}
  containers:
    {{- include "kago.ipvsContainer" . | nindent 4 }}
    {{- include "kago.exabgpContainer" . | nindent 4 }}
  volumes:
    {{- include "kago.volumes" . | nindent 4 }}
{{- end }}
