{{/*
Racks: the value groups. A group is a workload with a configuration of its own; all of them are one fleet. Templates of
what each group has are rendered with the group's name as .Group and its own values as .Values, by kago.each.
*/}}

{{/* The name of a workload and its configuration: that of all objects, and of the group. */}}
{{- define "kago.workloadName" -}}
{{- include "kago.fullname" . }}{{ with .Group }}-{{ . }}{{ end }}
{{- end }}

{{- define "kago.groupLabels" -}}
{{- with .Group }}kago.dev/group: {{ . | quote }}{{ end }}
{{- end }}

{{/* Those of the load balancers of one workload. A selector that is there can never change. */}}
{{- define "kago.workloadLabels" -}}
{{- include "kago.selectorLabels" . }}
{{- with include "kago.groupLabels" . }}
{{ . }}
{{- end }}
{{- end }}

{{/* A template for the fleet or, if there are groups, for each of these: list ROOT TEMPLATE */}}
{{- define "kago.each" -}}
{{- $root := index . 0 }}
{{- $template := index . 1 }}
{{- include "kago.checkGroups" $root }}
{{- range $i, $group := $root.Values.groups }}
{{- $values := deepCopy $root.Values }}
{{- include "kago.setGroup" (list $root $i $values) }}
{{- $of := pick $root "Release" "Chart" "Capabilities" "Files" "Template" }}
{{- $_ := set $of "Values" $values }}
{{- $_ := set $of "Group" $group.name }}
{{- $_ := set $of "BgpAt" (hasKey ($group.bgp | default dict) "peers" | ternary (printf "groups[%d].bgp" $i) "config.bgp") }}
---
{{ include $template $of }}
{{- else }}
{{- include $template $root }}
{{- end }}
{{- end }}

{{/* What a group says, put into a copy of the values: list ROOT INDEX VALUES */}}
{{- define "kago.setGroup" -}}
{{- $group := index (index . 0).Values.groups (index . 1) }}
{{- $values := index . 2 }}
{{- if hasKey $group "replicas" }}
{{- $_ := set $values "replicaCount" $group.replicas }}
{{- end }}
{{- $_ := set $values "nodeSelector" (include "kago.groupSelector" (list (index . 0) $group) | fromYaml) }}
{{- $config := $values.config | default dict }}
{{- $bgp := mustMergeOverwrite ($config.bgp | default dict) (deepCopy ($group.bgp | default dict)) }}
{{- with include "kago.otherPeers" . | fromYamlArray }}
{{- $all := concat ($bgp.otherPeers | default list) . }}
{{- if gt (len $all) 256 }}
{{- fail (printf "groups: the others of '%s' have %d BGP peers, and bgp.otherPeers may have 256: have fewer groups, as a release and a fleet for some" $group.name (len $all)) }}
{{- end }}
{{- $_ := set $bgp "otherPeers" $all }}
{{- end }}
{{- $_ := set $config "bgp" $bgp }}
{{- $_ := set $values "config" $config }}
{{- end }}

{{/* The labels of a group's nodes, those of the fleet's among them: list ROOT GROUP */}}
{{- define "kago.groupSelector" -}}
{{- mustMergeOverwrite dict ((index . 0).Values.nodeSelector | default dict) ((index . 1).nodeSelector | default dict) | toYaml }}
{{- end }}

{{/* The peers of a group, or of the fleet if it says none: list ROOT GROUP */}}
{{- define "kago.groupPeers" -}}
{{- $own := (index . 1).bgp | default dict }}
{{- if hasKey $own "peers" }}
{{- $own.peers | default list | toYaml }}
{{- else }}
{{- (((index . 0).Values.config).bgp).peers | default list | toYaml }}
{{- end }}
{{- end }}

{{/* The peers of other groups, each once, but for those that this one has, too: list ROOT INDEX */}}
{{- define "kago.otherPeers" -}}
{{- $root := index . 0 }}
{{- $this := index . 1 }}
{{- $found := list }}
{{- $own := list }}
{{- range include "kago.groupPeers" (list $root (index $root.Values.groups $this)) | fromYamlArray }}
{{- $own = append $own .address }}
{{- end }}
{{- range $i, $group := $root.Values.groups }}
{{- range include "kago.groupPeers" (list $root $group) | fromYamlArray }}
{{- $peer := pick . "address" "name" }}
{{- if not (or (eq $i $this) (has .address $own) (has $peer $found)) }}
{{- $found = append $found $peer }}
{{- end }}
{{- end }}
{{- end }}
{{- $found | toYaml }}
{{- end }}

{{/* The peers of all load balancers, each once, and the port of BFD with it: 0 without, else by whether there may be hops. */}}
{{- define "kago.fleetPeers" -}}
{{- $root := . }}
{{- $found := list }}
{{- range .Values.groups | default (list dict) }}
{{- $bfd := mustMergeOverwrite (deepCopy (((($root.Values.config).bgp).bfd) | default dict)) (((.bgp).bfd) | default dict) }}
{{- range include "kago.groupPeers" (list $root .) | fromYamlArray }}
{{- $port := eq 1 (int .ttl) | ternary 3784 4784 }}
{{- if or (not $bfd.enabled) (eq "false" (toString .bfd)) }}
{{- $port = 0 }}
{{- end }}
{{- $found = append $found (dict "address" .address "port" (.port | default 179) "bfd" $port) }}
{{- end }}
{{- end }}
{{- $found | uniq | toYaml }}
{{- end }}

{{/* How many load balancers there are, of a Deployment. */}}
{{- define "kago.replicas" -}}
{{- $sum := 0 }}
{{- range .Values.groups | default (list dict) }}
{{- $sum = add $sum (hasKey . "replicas" | ternary .replicas $.Values.replicaCount | int) }}
{{- end }}
{{- $sum }}
{{- end }}

{{/* What a group may not say of its routes, and why. */}}
{{- define "kago.fleetKeys" -}}
bgp.aggregates: "all load balancers of a fleet have the same: set config.bgp.aggregates"
bgp.otherPeers: "it is the peers of the other groups; more of them are config.bgp.otherPeers"
{{- end }}

{{- define "kago.checkGroups" -}}
{{- $root := . }}
{{- $groups := .Values.groups }}
{{- range $i, $group := $groups }}
{{- include "kago.checkGroupName" (list $root $i) }}
{{- include "kago.checkGroupBgp" (list $root $i) }}
{{- if and (eq $root.Values.kind "DaemonSet") (hasKey $group "replicas") }}
{{- fail (printf "groups[%d].replicas: a DaemonSet has one load balancer on each node of its nodeSelector; leave it out" $i) }}
{{- end }}
{{- range $j, $before := slice $groups 0 $i }}
{{- if eq $before.name $group.name }}
{{- fail (printf "groups[%d].name: '%s' is the name of groups[%d], too" $i $group.name $j) }}
{{- end }}
{{- if eq $root.Values.kind "DaemonSet" }}
{{- include "kago.checkApart" (list $root $j $i) }}
{{- end }}
{{- end }}
{{- end }}
{{- end }}

{{/* list ROOT INDEX */}}
{{- define "kago.checkGroupName" -}}
{{- $root := index . 0 }}
{{- $name := (index $root.Values.groups (index . 1)).name }}
{{- $at := printf "groups[%d].name" (index . 1) }}
{{- $fullname := include "kago.fullname" $root }}
{{- $room := sub 62 (len $fullname) }}
{{- if has $name (list "agent" "dashboard") }}
{{- fail (printf "%s: '%s' is taken: %s-%s is another object of the chart" $at $name $fullname $name) }}
{{- end }}
{{- if gt (len $name | int64) $room }}
{{- fail (printf "%s: '%s' has %d characters, and with the name of the release, '%s', it may have %d: shorten it, or set fullnameOverride" $at $name (len $name) $fullname (max $room 0)) }}
{{- end }}
{{- end }}

{{/* list ROOT INDEX */}}
{{- define "kago.checkGroupBgp" -}}
{{- $root := index . 0 }}
{{- $own := (index $root.Values.groups (index . 1)).bgp | default dict }}
{{- $at := printf "groups[%d]" (index . 1) }}
{{- range $key, $why := merge (include "kago.managedKeys" $root | fromYaml) (include "kago.fleetKeys" $root | fromYaml) }}
{{- if and (hasPrefix "bgp." $key) (hasKey $own (trimPrefix "bgp." $key)) }}
{{- fail (printf "%s.%s: cannot be set: %s" $at $key $why) }}
{{- end }}
{{- end }}
{{- $peers := include "kago.groupPeers" (list $root (index $root.Values.groups (index . 1))) | fromYamlArray }}
{{- if and $peers (not (or $own.as (($root.Values.config).bgp).as)) }}
{{- fail (printf "%s.bgp.as: missing: with peers there has to be our own AS number, here or as config.bgp.as" $at) }}
{{- end }}
{{- end }}

{{/* A node that both select would have two load balancers: list ROOT INDEX INDEX */}}
{{- define "kago.checkApart" -}}
{{- $groups := (index . 0).Values.groups }}
{{- $one := include "kago.groupSelector" (list (index . 0) (index $groups (index . 1))) | fromYaml }}
{{- $other := include "kago.groupSelector" (list (index . 0) (index $groups (index . 2))) | fromYaml }}
{{- $alike := 0 }}
{{- range $label, $value := $one }}
{{- if and (hasKey $other $label) (eq (get $other $label) $value) }}
{{- $alike = add1 $alike }}
{{- end }}
{{- end }}
{{- if or (eq $alike (len $one | int64)) (eq $alike (len $other | int64)) }}
{{- fail (printf "groups[%d].nodeSelector: nodes that it selects are those of groups[%d], too, and would have two load balancers each; right would be another value of the same label" (index . 2) (index . 1)) }}
{{- end }}
{{- end }}
