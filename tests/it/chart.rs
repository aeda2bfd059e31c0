//! The Helm chart: Kubernetes accepts the rendered resources, and the program accepts their arguments.
//!
//! `./scripts/test` installs Helm. Where it cannot, it reports so and adds Helm to
//! CALLBACK_GATEWAY_TESTS_WITHOUT.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    io::Write as _,
    path::{Path, PathBuf},
    process::{Command, Output, Stdio},
};

use crate::support::{
    certificates::{Authority, write},
    *,
};
use callback_gateway::config::table::{AllowedSources, SETTINGS, find};
use serde_json::{Value, json};
use tempfile::TempDir;

/// Values that are always set.
const DISK: &[&str] = &[
    "--set=sdkAppIds={1400000000}",
    "--set=callbackTokens.secretName=callback-tokens",
    "--set=clientTokens.secretName=client-tokens",
];
const NATS: &[&str] = &["--set=log=nats", "--set=nats.urls={nats://a:4222,nats://b:4222}"];
/// Values with every Secret, and with everything that is off by default.
const ALL: &[&str] = &[
    "--set=tls.callbacks.secretName=callbacks-tls",
    "--set=tls.callbacks.clientCaSecretName=vendor-ca",
    "--set=tls.grpc.secretName=grpc-tls",
    "--set=tls.grpc.clientCaSecretName=company-ca",
    "--set=nats.credentials.secretName=nats-credentials",
    "--set=nats.caSecretName=nats-ca",
    "--set=serviceMonitor.enabled=true",
    "--set=service.callbacks.type=LoadBalancer",
    "--set=service.callbacks.externalTrafficPolicy=Local",
    "--set=annotations.a=b",
    "--set=networkPolicy.meshPorts={15008}",
    "--set=imagePullSecrets[0].name=registry",
    "--set=priorityClassName=high",
    "--set=podAnnotations.a=b",
    "--set=podLabels.team=im",
    "--set=nodeSelector.disk=fast",
    "--set=disk.storageClassName=fast",
    "--set=service.grpc.annotations.a=b",
    "--set=tolerations[0].operator=Exists",
    "--set=extraEnv[0].name=CALLBACK_GATEWAY_LOG_LEVEL,extraEnv[0].value=debug",
    "--set=extraVolumes[0].name=more,extraVolumes[0].configMap.name=more",
    "--set=extraVolumeMounts[0].name=more,extraVolumeMounts[0].mountPath=/more",
    "--set=settings.http.max_connections=2000000",
    "--set=settings.retention.age=14days",
    "--set=settings.allow_unsigned=true",
];

/// Returns the sets of values under test.
fn value_sets() -> Vec<Vec<&'static str>> {
    vec![DISK.to_vec(), [DISK, NATS].concat(), [DISK, ALL].concat(), [DISK, NATS, ALL].concat()]
}

fn chart() -> PathBuf {
    package().join("deploy/helm/callback-gateway")
}

fn tool(name: &str) -> Command {
    Command::new(tools::tool(&format!("bin/{name}")))
}

/// Runs Helm with a private home directory.
fn helm(args: &[&str]) -> Output {
    let home = TempDir::new().unwrap();
    let mut helm = tool("helm");
    for name in ["HELM_CACHE_HOME", "HELM_CONFIG_HOME", "HELM_DATA_HOME", "KUBECONFIG"] {
        helm.env(name, home.path().join(name));
    }
    helm.args(args).current_dir(package()).output().unwrap()
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&[&output.stdout[..], &output.stderr].concat()).into_owned()
}

fn template(values: &[&str]) -> Output {
    let chart = chart();
    // As for an upgrade, which renders the Job too.
    helm(&[&["template", "im", chart.to_str().unwrap(), "--is-upgrade"], values].concat())
}

/// Returns the message with which the chart rejects values.
fn refusal(values: &[&str]) -> String {
    let output = template(values);
    assert!(!output.status.success(), "{values:?} is accepted");
    said(&output)
}

/// Rendered resources, with their source text.
struct Rendered {
    text: String,
    resources: Vec<Value>,
}

impl Rendered {
    fn new(values: &[&str]) -> Self {
        let output = template(values);
        assert!(output.status.success(), "{}", said(&output));
        let text = String::from_utf8(output.stdout).unwrap();
        let to_json = "import json, sys, yaml; json.dump(list(yaml.safe_load_all(sys.stdin)), sys.stdout)";
        let mut python = tool("python3")
            .args(["-c", to_json])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        python.stdin.take().unwrap().write_all(text.as_bytes()).unwrap();
        let output = python.wait_with_output().unwrap();
        assert!(output.status.success(), "{text}");
        let resources: Vec<Value> = serde_json::from_slice(&output.stdout).unwrap();
        Self { text, resources: resources.into_iter().filter(|resource| !resource.is_null()).collect() }
    }

    fn of_kind(&self, kind: &str) -> impl Iterator<Item = &Value> {
        self.resources.iter().filter(move |resource| resource["kind"] == kind)
    }

    fn one(&self, kind: &str) -> &Value {
        let mut all = self.of_kind(kind);
        let one = all.next().unwrap_or_else(|| panic!("no {kind} in\n{}", self.text));
        assert!(all.next().is_none(), "one {kind}");
        one
    }

    fn service(&self, suffix: &str) -> &Value {
        let is = |service: &&Value| service["metadata"]["name"].as_str().unwrap().ends_with(suffix);
        &self.of_kind("Service").find(is).expect(suffix)["spec"]
    }

    /// Returns the StatefulSet or Deployment.
    fn workload(&self) -> &Value {
        let kinds = ["StatefulSet", "Deployment"];
        let mut workloads = kinds.iter().flat_map(|kind| self.of_kind(kind));
        let workload = workloads.next().expect("the chart renders a workload");
        assert!(workloads.next().is_none(), "the chart renders more than one workload");
        workload
    }

    fn pod(&self) -> &Value {
        &self.workload()["spec"]["template"]
    }

    fn container(&self) -> &Value {
        &self.pod()["spec"]["containers"][0]
    }

    fn args(&self) -> Vec<&str> {
        strings(&self.container()["args"])
    }

    fn option(&self, name: &str) -> &str {
        let args = self.args();
        let prefix = format!("--{name}=");
        args.iter().find_map(|arg| arg.strip_prefix(&prefix)).unwrap_or_else(|| panic!("no --{name}"))
    }
}

fn strings(list: &Value) -> Vec<&str> {
    list.as_array().unwrap().iter().map(|text| text.as_str().unwrap()).collect()
}

/// Returns the names of objects in a list.
fn names(list: &Value) -> BTreeSet<&str> {
    list.as_array().into_iter().flatten().map(|item| item["name"].as_str().unwrap()).collect()
}

/// Returns whether a selector matches labels.
fn fits(selector: &Value, labels: &Value) -> bool {
    let selector = selector.as_object().unwrap();
    assert!(!selector.is_empty());
    selector.iter().all(|(name, value)| labels[name] == *value)
}

/// Returns the settings for which the chart has values of its own.
fn own() -> BTreeMap<String, String> {
    let helpers = fs::read_to_string(chart().join("templates/_helpers.tpl")).unwrap();
    let (_, list) = helpers.split_once("{{- define \"gateway.own\" -}}\n").unwrap();
    let (list, _) = list.split_once("{{- end }}").unwrap();
    let pairs = list.lines().map(|line| line.split_once(": ").unwrap());
    pairs.map(|(key, value)| (key.to_owned(), value.to_owned())).collect()
}

#[test]
fn helm_finds_no_fault() {
    if is_without("helm") {
        return;
    }
    let chart = chart();
    for values in value_sets() {
        let output = helm(&[&["lint", "--strict", chart.to_str().unwrap()], &values[..]].concat());
        assert!(output.status.success(), "{}", said(&output));
    }
}

#[test]
fn values_that_would_lose_callbacks_or_let_strangers_in_are_refused() {
    if is_without("helm") {
        return;
    }
    let nothing: &[&str] = &[];
    for (values, more, wanted) in [
        (DISK, &["--set=replicas=2"][..], "with log: disk there can be only one gateway"),
        (DISK, &["--set=log=nats"], "nats.urls: "),
        (DISK, &["--set=drain.delaySeconds=16"], "drain.timeoutSeconds: "),
        (DISK, &["--set=callbackTokens.secretName="], "callbackTokens.secretName: "),
        (DISK, &["--set=clientTokens.secretName="], "clientTokens.secretName: "),
        (DISK, &["--set=tls.grpc.clientCaSecretName=ca"], "tls.grpc.clientCaSecretName: needs"),
        (DISK, &["--set=settings.drain.delay=1s"], "settings: drain.delay is set with drain.delaySeconds"),
        (DISK, &["--set=settings.new_epoch=true"], "settings: new_epoch is set with"),
        (DISK, &["--set=log=memory"], "log"),
        (DISK, &["--set=replica=2"], "replica"),
        (DISK, &["--set=sdkAppIds={none}"], "sdkAppIds"),
        (DISK, &["--set=disk.size="], "/disk/size"),
        // As from an empty `settings:` in a file.
        (DISK, &["--set=settings=null", "--set=callbackTokens.secretName="], "callbackTokens.secretName: "),
        (nothing, nothing, "sdkAppIds: "),
    ] {
        let said = refusal(&[values, more].concat());
        assert!(said.contains(wanted), "{more:?}: {said}");
    }
}

#[test]
fn the_resources_are_what_kubernetes_takes() {
    if is_without("helm") {
        return;
    }
    let dir = TempDir::new().unwrap();
    let mut files = Vec::new();
    for values in value_sets() {
        // The schema of the Prometheus Operator is not part of Kubernetes.
        let resources =
            Rendered::new(&values).resources.into_iter().filter(|one| one["kind"] != "ServiceMonitor");
        let before = files.len();
        for resource in resources {
            files.push(dir.path().join(format!("{}.json", files.len())));
            fs::write(files.last().unwrap(), resource.to_string()).unwrap();
        }
        assert_eq!(files.len() - before, 8, "{values:?}");
    }
    // The oldest version that the chart declares, and the newest that is known.
    let versions = ["--kubernetes-version=1.27", "--kubernetes-version=1.37"];
    let validate = |files: &[PathBuf]| {
        tool("kubernetes-validate").arg("--strict").args(versions).args(files).output().unwrap()
    };
    let output = validate(&files);
    assert!(output.status.success(), "{}", said(&output));
    // The check detects faults.
    let wrong = fs::read_to_string(&files[0]).unwrap().replacen("\"spec\":{", "\"spec\":{\"wrong\":1,", 1);
    fs::write(&files[0], wrong).unwrap();
    assert!(!validate(&files[..1]).status.success());
}

/// Creates the files that the chart mounts from Secrets. Returns the arguments with the local paths.
fn with_files(dir: &Path, args: &[&str]) -> Vec<String> {
    let authority = Authority::new("all");
    let server = authority.server();
    let path = dir.to_str().unwrap();
    args.iter()
        .map(|arg| {
            let arg = arg.replace("/var/lib/callback-gateway", path);
            let Some((option, file)) = arg.split_once("=/etc/callback-gateway/") else { return arg };
            let text = match option {
                "--tokens-file" => format!("{APP_ID} t0ken-of-the-test\n"),
                "--grpc-tokens-file" => "oncall 0f9c3e7a5d1b48c2e6f8 events admin\n".to_owned(),
                _ if option.ends_with("-tls-cert") => server.cert.clone(),
                _ if option.ends_with("-tls-key") => server.key.clone(),
                _ if option.ends_with("-ca") => authority.pem().to_owned(),
                "--nats-credentials-file" => {
                    let seed = nkeys::KeyPair::new_user().seed().unwrap();
                    format!("---a---\ntoken\n---b---\n---c---\n{seed}\n---d---\n")
                }
                "--nats-login-file" => "user password\n".to_owned(),
                _ => panic!("unknown file option {option}"),
            };
            format!("{option}={}", write(dir, &file.replace('/', "-"), &text))
        })
        .collect()
}

#[test]
fn the_program_takes_the_command_line() {
    if is_without("helm") {
        return;
    }
    let login = [DISK, NATS, &["--set=nats.login.secretName=login"]].concat();
    for values in value_sets().into_iter().chain([login]) {
        let rendered = Rendered::new(&values);
        let args = rendered.args();
        assert_eq!(args[0], "serve");
        // A release changes both.
        assert_eq!(rendered.container()["image"], concat!("callback-gateway:", env!("CARGO_PKG_VERSION")));
        let job = &rendered.one("Job")["spec"]["template"]["spec"]["containers"][0];
        let checked = strings(&job["args"]);
        assert_eq!(
            (checked[0], &checked[1..]),
            ("check-config", &args[1..]),
            "the Job checks the arguments that the workload starts with"
        );
        let dir = TempDir::new().unwrap();
        let output = program().args(with_files(dir.path(), &checked)).output().unwrap();
        assert!(output.status.success(), "{args:?}\n{}", said(&output));

        // In both, every file in an argument is in a mounted volume.
        let job = (job, &rendered.one("Job")["spec"]["template"]["spec"]);
        for (container, pod) in [(rendered.container(), &rendered.pod()["spec"]), job] {
            let mut volumes = names(&pod["volumes"]);
            volumes.extend(rendered.of_kind("StatefulSet").map(|_| "data"));
            assert!(names(&container["volumeMounts"]).is_subset(&volumes), "{}", rendered.text);
            let mounts = container["volumeMounts"].as_array().cloned().unwrap_or_default();
            let mounts: Vec<_> = mounts.iter().map(|mount| mount["mountPath"].as_str().unwrap()).collect();
            for file in args.iter().filter_map(|arg| arg.split_once("=/etc/")) {
                let file = format!("/etc/{}", file.1);
                assert!(
                    mounts.iter().any(|mount| file.starts_with(&format!("{mount}/"))),
                    "{file} in {mounts:?}"
                );
            }
        }
    }
}

#[test]
fn every_setting_can_be_given() {
    if is_without("helm") {
        return;
    }
    let own = own();
    for key in own.keys() {
        assert!(find(key).is_some(), "{key} is not a setting");
    }
    let mut settings = json!({});
    let mut flags = Vec::new();
    for setting in SETTINGS.iter().filter(|setting| !own.contains_key(setting.key)) {
        assert!(
            matches!(setting.allowed, AllowedSources::Anywhere | AllowedSources::Hidden),
            "{} has a value in the chart",
            setting.key
        );
        let value = json!(if setting.default.is_empty() { "x" } else { setting.default });
        match setting.key.split_once('.') {
            Some((table, key)) => settings[table][key] = value.clone(),
            None => settings[setting.key] = value.clone(),
        }
        flags.push(format!("--{}={}", setting.flag(), value.as_str().unwrap()));
    }
    assert!(flags.len() > 20);
    let dir = TempDir::new().unwrap();
    let file = dir.path().join("values.json");
    fs::write(&file, json!({ "settings": settings }).to_string()).unwrap();
    let rendered = Rendered::new(&[DISK, &["--values", file.to_str().unwrap()]].concat());
    let args = rendered.args();
    for flag in flags {
        assert!(args.contains(&flag.as_str()), "{flag} in {args:?}");
    }
}

#[test]
fn time_outs_are_in_step() {
    if is_without("helm") {
        return;
    }
    for timeout in ["20", "3600"] {
        let rendered = Rendered::new(&[DISK, &[&format!("--set=drain.timeoutSeconds={timeout}")]].concat());
        assert_eq!(rendered.option("drain-timeout"), format!("{timeout}s"));
        let grace = rendered.pod()["spec"]["terminationGracePeriodSeconds"].as_u64().unwrap();
        // The log may take 5 s more to close, and the last traces 2 s.
        assert!(grace > timeout.parse::<u64>().unwrap() + 7, "{grace}");
    }
    let rendered = Rendered::new(DISK);
    // Longer than Envoy's hour.
    assert_eq!(rendered.option("http-idle-timeout"), "2h");
    for setting in ["drain.delay", "drain.timeout"] {
        let setting = find(setting).unwrap();
        assert_eq!(
            rendered.option(&setting.flag()),
            setting.default,
            "the chart uses the program's defaults"
        );
    }
}

/// Returns the port at the end of an address.
fn port(address: &str) -> u64 {
    address.rsplit_once(':').unwrap().1.parse().unwrap()
}

#[tokio::test]
async fn probes_and_services_use_existing_ports() {
    if is_without("helm") {
        return;
    }
    let gateway = Gateway::start().await;
    for values in value_sets() {
        let rendered = Rendered::new(&values);
        let labels = &rendered.pod()["metadata"]["labels"];
        assert!(fits(&rendered.workload()["spec"]["selector"]["matchLabels"], labels));
        let job = &rendered.one("Job")["spec"]["template"]["metadata"]["labels"];
        let ports = rendered.container()["ports"].as_array().unwrap();
        let ports: BTreeMap<_, _> = ports
            .iter()
            .map(|port| (port["name"].as_str().unwrap(), port["containerPort"].as_u64().unwrap()))
            .collect();
        let listen = |name: &str| port(rendered.option(&format!("{name}-listen")));
        let listens = BTreeMap::from([
            ("admin", listen("admin")),
            ("callbacks", listen("http")),
            ("grpc", listen("grpc")),
        ]);
        assert_eq!(ports, listens);

        for (probe, path) in [("startup", "/livez"), ("liveness", "/livez"), ("readiness", "/readyz")] {
            let probe = &rendered.container()[format!("{probe}Probe")]["httpGet"];
            assert_eq!((&probe["path"], &probe["port"]), (&json!(path), &json!("admin")));
            assert_eq!(get(gateway.addresses.admin, path).await.status, 200);
        }

        // Readiness means that callbacks can be stored. Events can be read without it.
        for (service, target, without_ready) in
            [("-callbacks", "callbacks", false), ("-grpc", "grpc", true), ("-admin", "admin", true)]
        {
            let service = rendered.service(service);
            assert!(fits(&service["selector"], labels) && !fits(&service["selector"], job));
            assert_eq!(service["publishNotReadyAddresses"] == true, without_ready);
            assert_eq!(service["ports"][0]["targetPort"], target);
            let (name, protocol) = (&service["ports"][0]["name"], &service["ports"][0]["appProtocol"]);
            // Meshes without support for appProtocol use the port name.
            let name = name.as_str().unwrap();
            assert!(name.split('-').next() == protocol.as_str(), "{name} {protocol}");
        }
        let with_all = values.contains(&ALL[0]);
        let protocols =
            ["-callbacks", "-grpc"].map(|service| &rendered.service(service)["ports"][0]["appProtocol"]);
        assert_eq!(protocols, if with_all { ["https", "tls"] } else { ["http", "grpc"] });

        let callbacks = rendered.service("-callbacks");
        assert_eq!(callbacks["externalTrafficPolicy"], if with_all { json!("Local") } else { json!(null) });
        assert_eq!(rendered.workload()["metadata"]["annotations"]["a"] == "b", with_all);

        for rule in rendered.one("NetworkPolicy")["spec"]["ingress"].as_array().unwrap() {
            let port = &rule["ports"][0]["port"];
            assert!(port == 15008 || ports.contains_key(port.as_str().unwrap()), "{port}");
        }
        for monitor in rendered.of_kind("ServiceMonitor") {
            let admin =
                rendered.of_kind("Service").find(|one| one["spec"]["ports"][0]["targetPort"] == "admin");
            let (endpoint, admin) = (&monitor["spec"]["endpoints"][0], admin.unwrap());
            assert_eq!(endpoint["port"], admin["spec"]["ports"][0]["name"]);
            assert!(fits(&monitor["spec"]["selector"]["matchLabels"], &admin["metadata"]["labels"]));
            let metrics = get(gateway.addresses.admin, endpoint["path"].as_str().unwrap()).await;
            assert!(metrics.body.contains("callback_gateway_ready 1"), "{}", metrics.body);
        }

        // A single gateway is not evicted while it is ready. With several gateways, one may be evicted.
        let on_disk = rendered.of_kind("StatefulSet").count() == 1;
        let (replicas, evicted) = if on_disk { (1, 0) } else { (2, 1) };
        assert_eq!(rendered.workload()["spec"]["replicas"], replicas);
        let budget = &rendered.one("PodDisruptionBudget")["spec"];
        assert_eq!(budget["maxUnavailable"], evicted);
        assert_eq!(budget["unhealthyPodEvictionPolicy"], "AlwaysAllow");
        assert!(fits(&budget["selector"]["matchLabels"], labels));
    }
    gateway.stop().await;
}

/// Runs the `helm install` commands of the README.
#[test]
fn the_readmes_commands_work() {
    if is_without("helm") {
        return;
    }
    let readme = fs::read_to_string(chart().join("README.md")).unwrap();
    let blocks = readme.split("```").skip(1).step_by(2).filter_map(|block| block.strip_prefix("text\n"));
    let installs: Vec<_> = blocks.filter(|block| block.starts_with("helm install ")).collect();
    assert_eq!(installs.len(), 2);
    for install in installs {
        let command = install.replace("\\\n", " ").replace('\'', "");
        let args: Vec<&str> = command.split_whitespace().skip(1).chain(["--dry-run=client"]).collect();
        let output = helm(&args);
        assert!(output.status.success(), "{}", said(&output));
        let said = said(&output);
        assert!(
            said.contains("\nNOTES:\nCallbacks: im-callback-gateway-callbacks.default, port 8080"),
            "{said}"
        );
        assert_eq!(said.contains("There is one gateway"), !command.contains("log=nats"), "{said}");
    }
}

/// Returns the notes that Helm prints after an installation into the namespace `im`.
fn notes(values: &[&str]) -> String {
    let chart = chart();
    let install = ["install", "im", chart.to_str().unwrap(), "--namespace=im", "--dry-run=client"];
    let output = helm(&[&install, DISK, values].concat());
    assert!(output.status.success(), "{}", said(&output));
    let said = said(&output);
    said.split_once("\nNOTES:\n").expect("Helm prints notes").1.to_owned()
}

#[test]
fn the_notes_say_when_prometheus_may_be_kept_out() {
    if is_without("helm") {
        return;
    }
    let monitor = "--set=serviceMonitor.enabled=true";
    // The values with which the README admits Prometheus.
    let readme = fs::read_to_string(chart().join("README.md")).unwrap();
    let (_, example) = readme.split_once("```yaml\n").unwrap();
    let (example, _) = example.split_once("```").unwrap();
    let dir = TempDir::new().unwrap();
    let admitted = format!("--values={}", write(dir.path(), "values.yaml", example));
    for (more, is_said) in [
        (&[][..], false),
        (&[monitor], true),
        (&[monitor, &admitted], false),
        (&[monitor, "--set=networkPolicy.enabled=false"], false),
    ] {
        let notes = notes(more);
        assert_eq!(
            notes.contains("Prometheus can scrape metrics only from the namespace im."),
            is_said,
            "{more:?}: {notes}"
        );
        assert_eq!(notes.contains("networkPolicy.adminFrom"), is_said, "{more:?}: {notes}");
    }
    let rendered = Rendered::new(&[DISK, &[&admitted]].concat());
    let rules = rendered.one("NetworkPolicy")["spec"]["ingress"].as_array().unwrap();
    let admin = rules.iter().find(|rule| rule["ports"][0]["port"] == "admin").unwrap();
    assert_eq!(admin["from"].as_array().unwrap().len(), 2, "{admin}");
    let monitoring = json!({ "matchLabels": { "kubernetes.io/metadata.name": "monitoring" } });
    assert_eq!(admin["from"][1]["namespaceSelector"], monitoring);
}

#[test]
fn the_notes_say_what_travels_in_plain_text() {
    if is_without("helm") {
        return;
    }
    let (grpc, callbacks) = ("gRPC is in plain text", "Callbacks arrive over plain HTTP");
    let tls = ["--set=tls.grpc.secretName=a", "--set=tls.callbacks.secretName=b"];
    for (more, in_plain) in [(&[][..], [true, true]), (&tls[..1], [false, true]), (&tls[..], [false, false])]
    {
        let notes = notes(more);
        assert_eq!([grpc, callbacks].map(|part| notes.contains(part)), in_plain, "{more:?}: {notes}");
        assert_eq!(notes.contains("the clients' tokens"), in_plain[0], "{more:?}: {notes}");
        assert_eq!(notes.contains("status --address https://"), !in_plain[0], "{more:?}: {notes}");
    }
}
