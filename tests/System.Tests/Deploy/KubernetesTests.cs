using System.Text.Json.Nodes;
using System.Text.RegularExpressions;
using Tracking.Contracts;
using Tracking.Servers;

namespace Tracking.System.Tests.Deploy;

public sealed partial class KubernetesTests(MadeSecrets made) : IClassFixture<MadeSecrets>
{
    // Secrets that Kubernetes operators make.
    private static readonly Dictionary<string, string[]> _secrets = new()
    {
        ["rabbitmq-default-user"] = ["connection_string"],
    };

    private static readonly string[] _steps = ["engines", "migrate", "services"];

    private static readonly List<JsonNode> _all =
        [.. _steps.SelectMany(step => Resources(step).SelectMany(file => Manifests.Read("kubernetes", step, file))),
            .. Manifests.Read("kubernetes", "adopt-spool.yaml")];

    public static TheoryData<string> Pods => [.. _all.Where(IsPod).Select(Name)];

    public static TheoryData<string> Workloads =>
        [.. _all.Where(node => Kind(node) is "Deployment" or "StatefulSet").Select(Name)];

    [Fact]
    public void Every_file_belongs_to_a_step()
    {
        foreach (var step in _steps)
        {
            Assert.Equal(
                Directory.EnumerateFiles(Manifests.PathOf("kubernetes", step)).Select(Path.GetFileName)
                    .Except(["kustomization.yaml"]).Order(),
                Resources(step).Order());
            Assert.Equal(
                "tracking", Manifests.Read("kubernetes", step, "kustomization.yaml").Single().Text("namespace"));
        }
    }

    [Fact]
    public void Every_service_runs_with_its_own_image()
    {
        var images = _steps.SelectMany(step =>
            Manifests.Read("kubernetes", step, "kustomization.yaml").Single()["images"].Items()).ToList();
        Assert.Equal(
            Manifests.Services.Keys.Select(name => $"tracking/{name}").Order(),
            images.Select(image => image.Text("name")!).Order());
        Assert.All(
            Manifests.Services.Keys, name => Assert.Equal($"tracking/{name}", Container(Find(name)).Text("image")));
    }

    [Theory]
    [MemberData(nameof(Pods))]
    public void A_pod_has_settings_that_its_service_takes_and_secrets_that_are_made(string name)
    {
        using var folder = new TemporaryFolder();
        var pod = Find(name);
        var variables = new Dictionary<string, string>();
        foreach (var source in Container(pod)["envFrom"].Items())
        {
            foreach (var (key, value) in Find(source.Text("configMapRef", "name")!, "ConfigMap")["data"].Properties())
            {
                variables[key] = value!.ToString();
            }
        }

        foreach (var variable in Container(pod)["env"].Items())
        {
            variables[variable.Text("name")!] = Value(variable);
        }

        var service = Container(pod).Text("image")!.Split('/')[1];
        Assert.Equal(
            made.Of(service).Count == 0 ? [] : [$"tracking-{service}"], Volumes(pod).SelectMany(SecretsOf));
        Assert.DoesNotContain("secretKeyRef", pod.ToJsonString(), StringComparison.Ordinal);
        Assert.All(made.Of(service), secret => variables.Add(secret, ""));
        Assert.Equal(made.Of(service).Count == 0 ? "" : "/run/secrets/tracking", variables["TRACKING_SECRETS"]);

        if (variables.ContainsKey("Tracking__Edge__AdoptFolder"))
        {
            variables["Tracking__Edge__AdoptFolder"] = folder.Path;
        }

        CheckEnvironment.Check(Manifests.Services[service], variables);
    }

    [Theory]
    [MemberData(nameof(Pods))]
    public void A_pod_mounts_what_it_has_has_bounds_and_no_privileges(string name)
    {
        var pod = Find(name);
        var container = Container(pod);
        var volumes = Volumes(pod).Concat(pod.At("spec", "volumeClaimTemplates").Items())
            .Select(volume => volume.Text("name") ?? volume.Text("metadata", "name")!).ToList();
        var mounts = container["volumeMounts"].Items().ToList();
        Assert.Equal(volumes.Order(), mounts.Select(mount => mount.Text("name")!).Order());
        Assert.All(mounts.Where(mount => mount.Text("name") == "keys"), mount =>
            Assert.Equal(("/run/secrets/tracking", "true"), (mount.Text("mountPath"), mount.Text("readOnly"))));

        Assert.NotNull(container.At("resources", "requests", "cpu"));
        Assert.NotNull(container.At("resources", "requests", "memory"));
        Assert.NotNull(container.At("resources", "limits", "memory"));

        var security = PodSpec(pod)["securityContext"];
        Assert.Equal("true", security.Text("runAsNonRoot"));
        Assert.Equal("RuntimeDefault", security.Text("seccompProfile", "type"));
        Assert.Equal("false", PodSpec(pod).Text("automountServiceAccountToken"));
        Assert.Equal("true", container.Text("securityContext", "readOnlyRootFilesystem"));
        Assert.Equal("false", container.Text("securityContext", "allowPrivilegeEscalation"));
        Assert.Equal("ALL", container.At("securityContext", "capabilities", "drop").Items().Single().ToString());
        Assert.Equal("tracking", Labels(pod)["app.kubernetes.io/part-of"]!.ToString());
    }

    [Theory]
    [MemberData(nameof(Workloads))]
    public void A_workload_is_probed_spread_disrupted_one_at_a_time_and_given_time_to_stop(string name)
    {
        var workload = Find(name);
        var container = Container(workload);
        var ports = container["ports"].Items().Select(port => port.Text("name")).ToList();
        foreach (var (probe, path) in new[]
            {
                ("startupProbe", "/health/live"), ("livenessProbe", "/health/live"),
                ("readinessProbe", "/health/ready"),
            })
        {
            Assert.Equal(path, container.Text(probe, "httpGet", "path"));
            Assert.Contains(container.Text(probe, "httpGet", "port"), ports);
        }

        Assert.NotEmpty(PodSpec(workload)["topologySpreadConstraints"].Items());
        Assert.All(PodSpec(workload)["topologySpreadConstraints"].Items(), spread => AssertSelects(spread, workload));
        var budget = Find(name, "PodDisruptionBudget");
        Assert.Equal("1", budget.Text("spec", "maxUnavailable"));
        AssertSelects(budget["spec"]!, workload);
        Assert.Equal(Labels(workload).ToJsonString(), workload.At("metadata", "labels")!.ToJsonString());
        AssertSelects(workload["spec"]!, workload);

        var drain = container["env"].Items()
            .FirstOrDefault(variable => variable.Text("name") == "Tracking__Edge__DrainTimeout").Text("value");
        var needed = int.Parse(container.Text("lifecycle", "preStop", "sleep", "seconds")!)
            + Math.Max(30, drain is null ? 0 : TimeSpan.Parse(drain).TotalSeconds + 10);
        Assert.True(int.Parse(PodSpec(workload).Text("terminationGracePeriodSeconds")!) > needed);
    }

    [Fact]
    public void Only_its_autoscaler_sets_the_number_of_copies_of_a_workload()
    {
        var scaled = _all.Where(node => Kind(node) is "HorizontalPodAutoscaler" or "ScaledObject")
            .Select(scaler => (scaler, target: scaler.At("spec", "scaleTargetRef"))).ToList();
        foreach (var (scaler, target) in scaled)
        {
            var workload = Find(target.Text("name")!, target.Text("kind"));
            Assert.Null(workload.At("spec", "replicas"));
            var least = scaler.Text("spec", "minReplicas") ?? scaler.Text("spec", "minReplicaCount");
            Assert.True(int.Parse(least!) >= 2, $"{Name(scaler)} may leave one copy.");
        }

        Assert.Equal(
            scaled.Select(pair => Name(pair.scaler)).Order(),
            scaled.Select(pair => Name(pair.scaler)).Distinct().Order());
        Assert.All(
            _all.Where(node => Kind(node) is "Deployment").Where(node => node.At("spec", "replicas") is null),
            node => Assert.Contains(Name(node), scaled.Select(pair => Name(pair.scaler))));

        var queues = _all.Where(node => Kind(node) == "ScaledObject")
            .SelectMany(node => node.At("spec", "triggers").Items())
            .Where(trigger => trigger.Text("type") == "rabbitmq").ToList();
        Assert.Equal(
            new[] { "rewrite", QueueNames.StoreEvents },
            queues.Select(trigger => trigger.Text("metadata", "queueName")).Order());
        Assert.All(queues, trigger => AssertSecret(
            Find(trigger.Text("authenticationRef", "name")!, "TriggerAuthentication")
                .At("spec", "secretTargetRef").Items().Single()));
    }

    [Fact]
    public void Services_lead_to_ports_of_pods_and_the_gateway_to_services()
    {
        foreach (var service in _all.Where(node => Kind(node) == "Service"))
        {
            var name = service.Text("spec", "selector", "app.kubernetes.io/name")!;
            var ports = Container(Find(name))["ports"].Items().Select(port => port.Text("name"));
            Assert.All(service.At("spec", "ports").Items(), port => Assert.Contains(port.Text("targetPort"), ports));
        }

        foreach (var variable in Container(Find("gateway"))["env"].Items()
            .Where(variable => variable.Text("name")!.StartsWith("services__")))
        {
            var address = new Uri(variable.Text("value")!);
            Assert.Equal(variable.Text("name")!.Split("__")[1], address.Host);
            Assert.Contains(
                Find(address.Host, "Service").At("spec", "ports").Items(), p => p.Text("port") == $"{address.Port}");
            Assert.Equal("None", Find(address.Host, "Service").Text("spec", "clusterIP"));
        }

        Assert.NotNull(Find(Find("edge").Text("spec", "serviceName")!, "Service"));
    }

    [Fact]
    public void Network_policies_name_pods_that_are_there()
    {
        string[] known = [.. Pods.Select(row => row.Data), "rabbitmq"];
        var selectors = _all.Where(node => Kind(node) == "NetworkPolicy")
            .SelectMany(node => AppName().Matches(node.ToJsonString()))
            .SelectMany(match => (match.Groups[1].Value + match.Groups[2].Value).Split(','))
            .Select(name => name.Trim('"')).ToList();
        Assert.NotEmpty(selectors);
        Assert.All(selectors, name => Assert.Contains(name, known));
        Assert.Contains(_all, node => Kind(node) == "NetworkPolicy" && Name(node) == "deny-all");
    }

    [Fact]
    public void PostgreSQL_has_the_users_and_groups_that_services_log_in_as()
    {
        var spec = Manifests.Read("kubernetes", "engines", "postgres.yaml").Single()["spec"]!;
        var roles = spec.At("managed", "roles").Items().ToList();
        var secrets = new List<string> { spec.Text("bootstrap", "initdb", "secret", "name")! };
        Assert.Equal("tracking_migrator", spec.Text("bootstrap", "initdb", "owner"));
        // The SMTP filter logs in as the rewriter.
        foreach (var service in Manifests.Services.Keys.Where(
            name => made.Of(name).Count > 0 && name is not ("migrator" or "smtpfilter")))
        {
            Assert.Equal("false", Assert.Single(roles, r => r.Text("name") == $"tracking_{service}").Text("login"));
            var login = Assert.Single(roles, role => role.Text("name") == $"tracking_{service}_login");
            Assert.Equal($"tracking_{service}", login["inRoles"].Items().Single().ToString());
            secrets.Add(login.Text("passwordSecret", "name")!);
            Assert.Contains($"Username=tracking_{service}_login;", made.Read($"{service}/ConnectionStrings__tracking"));
        }

        Assert.Equal(
            Directory.EnumerateFiles(made.Folder, "postgres_*").Select(file => Path.GetFileName(file).Replace('_', '-'))
                .Except(["postgres-password"]).Order(),
            secrets.Order());
        Assert.All(roles, role => Assert.Null(role["superuser"] ?? role["createrole"] ?? role["createdb"]));
    }

    [Fact]
    public void The_claim_that_is_adopted_is_one_of_the_edges()
    {
        var template = Find("edge").At("spec", "volumeClaimTemplates").Items().Single().Text("metadata", "name");
        Assert.Contains(Volumes(Find("adopt-spool")), volume =>
            volume.Text("persistentVolumeClaim", "claimName") == $"{template}-edge-N");
        Assert.Equal("Retain", Find("edge").Text("spec", "persistentVolumeClaimRetentionPolicy", "whenScaled"));
        // Both use the same folder in the volume, and the pod waits for the file "empty" in it.
        var own = Variable("edge", "Tracking__Edge__Folder");
        var mount = Container(Find("edge"))["volumeMounts"].Items().Single(m => m.Text("name") == template);
        var below = Path.GetRelativePath(mount.Text("mountPath")!, own);
        Assert.Equal(
            $"{Variable("adopt-spool", "Tracking__Edge__AdoptFolder")}/{below}/empty",
            Container(Find("adopt-spool")).At("readinessProbe", "exec", "command").Items().Last().ToString());
    }

    private static string Variable(string pod, string name) => Container(Find(pod))["env"].Items()
        .Single(variable => variable.Text("name") == name).Text("value")!;

    private static List<string> Resources(string step) =>
        [.. Manifests.Read("kubernetes", step, "kustomization.yaml").Single()["resources"].Items()
            .Select(file => file.ToString())];

    private static string Kind(JsonNode node) => node.Text("kind")!;

    private static string Name(JsonNode node) => node.Text("metadata", "name")!;

    private static bool IsPod(JsonNode node) => Kind(node) is "Deployment" or "StatefulSet" or "Job" or "Pod";

    private static JsonNode Find(string name, string? kind = null) =>
        Assert.Single(_all, node => Name(node) == name && (kind is null ? IsPod(node) : Kind(node) == kind));

    private static JsonNode PodSpec(JsonNode node) => node.At("spec", "template", "spec") ?? node["spec"]!;

    private static JsonNode Labels(JsonNode node) => (node.At("spec", "template") ?? node).At("metadata", "labels")!;

    private static JsonNode Container(JsonNode node) => PodSpec(node)["containers"].Items().Single();

    private static IEnumerable<JsonNode> Volumes(JsonNode node) => PodSpec(node)["volumes"].Items();

    private static IEnumerable<string> SecretsOf(JsonNode volume) =>
        volume.At("projected", "sources").Items().Select(source => source.Text("secret", "name")!)
            .Concat(volume.Text("secret", "secretName") is { } name ? [name] : []);

    private static string Value(JsonNode variable) => variable.At("valueFrom", "configMapKeyRef") is { } key
        ? Find(key.Text("name")!, "ConfigMap").Text("data", key.Text("key")!)!
        : variable.Text("value")!;

    private static void AssertSecret(JsonNode reference) =>
        Assert.Contains(reference.Text("key"), _secrets[reference.Text("name")!]);

    private static void AssertSelects(JsonNode holder, JsonNode workload)
    {
        var labels = (holder["selector"] ?? holder["labelSelector"]).At("matchLabels");
        Assert.NotEmpty(labels.Properties());
        Assert.All(labels.Properties(), label =>
            Assert.Equal(label.Value!.ToString(), Labels(workload)[label.Key]?.ToString()));
    }

    [GeneratedRegex("""app\.kubernetes\.io/name(?:":"([^"]+)"|","operator":"In","values":\[([^\]]+)\])""")]
    private static partial Regex AppName();
}
