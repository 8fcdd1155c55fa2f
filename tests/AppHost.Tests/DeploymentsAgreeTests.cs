using System.Globalization;
using System.Text.Json.Nodes;
using System.Text.RegularExpressions;
using Tracking.Servers;
using Tracking.System.Tests.Deploy;

namespace Tracking.AppHost.Tests;

/// <summary>
/// The diagram and the hand-written deployments are one system: the same services with the same variables and ports,
/// and the same waiting. Two edges of the diagram are one service there, with as many copies as somebody wants.
/// </summary>
public sealed partial class DeploymentsAgreeTests(PublishedSystem published, MadeSecrets made)
    : IClassFixture<PublishedSystem>, IClassFixture<MadeSecrets>
{
    // What one has and the other has not, and why.
    private static readonly Dictionary<string, string> _onlyInTheDiagram = new()
    {
        ["Tracking__SystemPort"] = "links lead to the gateway's own port, which is not the scheme's",
    };

    private static readonly Dictionary<string, string> _onlyDeployed = new()
    {
        ["Tracking__ApiKeys__TrustedProxies__0"] = "the gateway comes from another machine; loopback needs no word",
        ["Tracking__Console__Services__0"] = "Aspire's dashboard shows the services of the diagram",
        ["Tracking__Edge__DrainTimeout"] = "volumes may be taken away; the folders of the diagram stay",
    };

    private static readonly JsonNode _compose = Manifests.Read("compose", "compose.yaml").Single();

    private static readonly List<JsonNode> _kubernetes =
        [.. new[] { "migrate", "services" }.SelectMany(step =>
            Directory.EnumerateFiles(Manifests.PathOf("kubernetes", step)).Select(Path.GetFileName)
                .Where(file => file != "kustomization.yaml")
                .SelectMany(file => Manifests.Read("kubernetes", step, file!)))];

    public static TheoryData<string> Services => [.. Manifests.Services.Keys];

    [Fact]
    public void Every_program_is_a_resource_and_a_service_of_each_deployment()
    {
        var programs = Directory.EnumerateFiles(
                Path.Combine(BuiltPrograms.Repository, "src"), "Program.cs", SearchOption.AllDirectories)
            .Select(file => Path.GetFileName(Path.GetDirectoryName(file)!))
            .Except(["Cli", "Standalone"]).Order();
        var drawn = published.Services.Values
            .Select(service => Path.GetFileNameWithoutExtension(service.Text("path")!)).Distinct().Order();
        Assert.Equal(programs, drawn);
        Assert.Equal(programs, Manifests.Services.Values.Order());

        var names = published.Services.Keys.Select(Deployed).Distinct().ToList();
        Assert.Equal(
            names.Concat(published.Engines).Order(), _compose["services"].Properties().Select(pair => pair.Key).Order());
        Assert.Equal(
            names.Order(),
            _kubernetes.Where(IsWorkload).Select(workload => workload.Text("metadata", "name")!).Order());
    }

    [Fact]
    public void Every_setting_of_the_diagram_is_one_that_its_service_takes()
    {
        foreach (var service in published.Services.Values)
        {
            CheckEnvironment.Check(
                Path.GetFileNameWithoutExtension(service.Text("path")!),
                service["env"].Properties().Where(variable => IsOurs(variable.Key))
                    .ToDictionary(variable => variable.Key, variable => Resolved(variable.Value!.ToString())));
        }
    }

    [Theory]
    [MemberData(nameof(Services))]
    public void A_service_has_the_same_variables_in_each(string name)
    {
        var drawn = Drawn(name).SelectMany(service => service["env"].Properties())
            .Select(variable => variable.Key).Where(IsOurs).Select(Unnumbered).ToHashSet();
        drawn.ExceptWith(_onlyInTheDiagram.Keys.Select(Unnumbered));
        var composed = _compose.At("services", name, "environment").Properties()
            .Select(variable => variable.Key).Concat(made.Of(name));
        Assert.Equal(drawn.Order(), Comparable(composed));

        var container = Container(name);
        var pod = container["env"].Items().Select(variable => variable.Text("name")!)
            .Concat(container["envFrom"].Items().SelectMany(from => ConfigMap(from.Text("configMapRef", "name")!)))
            .Concat(made.Of(name));
        Assert.Equal(drawn.Order(), Comparable(pod));
    }

    [Theory]
    [MemberData(nameof(Services))]
    public void A_service_listens_for_the_same_and_only_the_gateway_is_open_to_the_world(string name)
    {
        var bindings = Drawn(name).SelectMany(service => service["bindings"].Properties()).ToList();
        Assert.Equal(
            bindings.Select(binding => binding.Key).Distinct().Order(),
            Container(name)["ports"].Items().Select(port => port.Text("name")!).Order());
        Assert.Equal(
            bindings.Exists(binding => binding.Key == "health"),
            _compose.At("services", name, "environment", "Tracking__Edge__HealthPort") is not null);

        var isOpen = name == "gateway";
        Assert.Equal(isOpen, bindings.Exists(binding => binding.Value.Text("external") == "true"));
        Assert.Equal(isOpen, _compose.At("services", name, "ports") is not null);
        Assert.Equal(isOpen, _kubernetes.Exists(node =>
            node.Text("kind") == "Service" && node.Text("metadata", "name") == name
            && node.Text("spec", "type") is "LoadBalancer" or "NodePort"));
    }

    [Theory]
    [MemberData(nameof(Services))]
    public void A_port_has_the_same_number_in_each(string name)
    {
        var drawn = Ports(name);
        var pod = Container(name)["ports"].Items()
            .Select(port => (port.Text("name")!, Number(port.Text("containerPort"))));
        Assert.Equal(drawn.Select(port => (port.Key, port.Value)).Order(), pod.Order());

        // Every number by which Compose leads to the service: from outside, for its health, and in others' settings.
        var composed = _compose.At("services", name);
        var numbers = composed.At("ports").Items().Select(port => port.ToString().Split(':')[^1])
            .Concat(HealthPort().Matches(composed.At("healthcheck")?.ToJsonString() ?? "")
                .Select(match => match.Groups[1].Value))
            .Concat(_compose["services"].Properties()
                .SelectMany(service => Addresses(service.Value.At("environment").Properties().Select(
                    variable => variable.Value?.ToString())))
                .Where(address => address.Host == name).Select(address => $"{address.Port}"))
            .ToList();
        Assert.Equal(drawn.Count == 0, numbers.Count == 0);
        Assert.All(numbers, number => Assert.Contains(Number(number), drawn.Values));
        if (composed.Text("environment", "Tracking__Edge__HealthPort") is { } health)
        {
            Assert.Equal(drawn["health"], Number(health));
        }
    }

    [Theory]
    [MemberData(nameof(Services))]
    public void Whoever_listens_has_a_Service_that_lets_others_reach_each_of_its_ports(string name)
    {
        var drawn = Ports(name);
        var reached = _kubernetes
            .Where(node => node.Text("kind") == "Service"
                && node.Text("spec", "selector", "app.kubernetes.io/name") == name)
            .SelectMany(node => node.At("spec", "ports").Items().Select(port => (
                Target: port.Text("targetPort")!,
                Number: Number(port.Text("port")),
                IsOpen: node.Text("spec", "type") == "LoadBalancer")))
            .ToList();
        Assert.Equal(drawn.Keys.Order(), reached.Select(port => port.Target).Distinct().Order());

        // Within the cluster a port has its own number. The world comes to that of http, as in Compose.
        Assert.All(reached, port => Assert.Equal(port.IsOpen ? 80 : drawn[port.Target], port.Number));
        if (reached.Exists(port => port.IsOpen))
        {
            Assert.StartsWith(
                "${HTTP_PORT:-80}:",
                _compose.At("services", name, "ports").Items().Single().ToString(),
                StringComparison.Ordinal);
        }

        // Nobody gets in without a policy that names the port, and none names a port that nobody listens on.
        var allowed = _kubernetes
            .Where(node => node.Text("kind") == "NetworkPolicy" && Selects(node.At("spec", "podSelector"), name))
            .SelectMany(node => node.At("spec", "ingress").Items())
            .SelectMany(rule => rule["ports"].Items()).Select(port => Number(port.Text("port"))).Distinct();
        Assert.Equal(drawn.Values.Order(), allowed.Order());
    }

    [Fact]
    public void Addresses_and_policies_in_Kubernetes_lead_to_ports_of_the_diagram()
    {
        var addresses = _kubernetes.Where(IsWorkload)
            .SelectMany(workload => Addresses(Container(workload.Text("metadata", "name")!)["env"].Items()
                .Select(variable => variable.Text("value"))))
            .ToList();
        Assert.NotEmpty(addresses);
        Assert.All(addresses, address => Assert.Contains(address.Port, Ports(
            _kubernetes.Single(node => node.Text("kind") == "Service" && node.Text("metadata", "name") == address.Host)
                .Text("spec", "selector", "app.kubernetes.io/name")!).Values));

        foreach (var engine in published.Engines)
        {
            var policy = Assert.Single(
                _kubernetes,
                node => node.Text("kind") == "NetworkPolicy" && node.Text("metadata", "name") == $"to-{engine}");
            Assert.Equal(
                [published.Ports[engine]["tcp"]],
                policy.At("spec", "egress").Items().SelectMany(rule => rule["ports"].Items())
                    .Select(port => Number(port.Text("port"))));
        }

        // What else Compose opens is the broker's console, for this machine alone.
        var opened = Assert.Single(_compose.At("services", "rabbitmq", "ports").Items()).ToString().Split(':');
        Assert.Equal(("127.0.0.1", published.Ports["rabbitmq"]["management"]), (opened[0], Number(opened[^1])));
    }

    [Fact]
    public void Recipes_for_MTAs_have_the_ports_of_the_diagram()
    {
        var recipes = Directory.EnumerateFiles(Manifests.PathOf("mta"), "*.md").Select(File.ReadAllText).ToList();
        foreach (var (door, setting) in new[] { ("smtp", "SmtpFilter"), ("milter", "Milter") })
        {
            var numbers = recipes.SelectMany(text => Listening().Matches(text))
                .Where(match => match.Groups[1].Value == setting).Select(match => Number(match.Groups[2].Value))
                .ToList();
            Assert.NotEmpty(numbers);
            Assert.All(numbers, number => Assert.Equal(Ports("smtpfilter")[door], number));
        }
    }

    [Theory]
    [MemberData(nameof(Services))]
    public void A_service_waits_for_the_same_in_each(string name)
    {
        var drawn = published.Waits.Where(wait => Deployed(wait.Waiting) == name)
            .Select(wait => (For: Deployed(wait.For), wait.End)).Distinct().Order();
        Assert.Equal(
            drawn,
            _compose.At("services", name, "depends_on").Properties()
                .Select(need => (need.Key, need.Value.Text("condition") == "service_completed_successfully"))
                .Order());

        // Kubernetes has steps: whoever needs what the migrator has made comes in the one after it.
        var isAfter = File.Exists(Manifests.PathOf("kubernetes", "services", $"{name}.yaml"));
        Assert.Equal(name != "migrator", isAfter);
    }

    private IEnumerable<JsonNode> Drawn(string name) =>
        published.Services.Where(service => Deployed(service.Key) == name).Select(service => service.Value);

    // The diagram has a number for each port, and copies of a service have the same.
    private Dictionary<string, int> Ports(string name) => published.Ports
        .Where(resource => Deployed(resource.Key) == name)
        .SelectMany(resource => resource.Value)
        .Distinct().ToDictionary(port => port.Key, port => port.Value);

    private static int Number(string? number) => int.Parse(number!, CultureInfo.InvariantCulture);

    private static IEnumerable<Uri> Addresses(IEnumerable<string?> values) =>
        values.Where(value => value?.StartsWith("http://", StringComparison.Ordinal) == true)
            .Select(value => new Uri(value!));

    private static bool Selects(JsonNode? selector, string name) =>
        selector.Text("matchLabels", "app.kubernetes.io/name") == name
        || selector.At("matchExpressions").Items().Any(expression =>
            expression["values"].Items().Any(value => value.ToString() == name));

    // edge-1, edge-2: edge.
    private static string Deployed(string resource) => Copy().Replace(resource, "");

    private static IEnumerable<string> Comparable(IEnumerable<string> variables) =>
        variables.Where(IsOurs).Select(Unnumbered).Except(_onlyDeployed.Keys.Select(Unnumbered)).Order();

    private static bool IsOurs(string variable) => variable.StartsWith("Tracking__", StringComparison.Ordinal)
        || variable.StartsWith("ConnectionStrings__", StringComparison.Ordinal)
        || variable.StartsWith("services__", StringComparison.Ordinal);

    private static string Unnumbered(string variable) => Index().Replace(variable, "");

    private static bool IsWorkload(JsonNode node) => node.Text("kind") is "Deployment" or "StatefulSet" or "Job";

    private static JsonNode Container(string name) => _kubernetes
        .Single(node => IsWorkload(node) && node.Text("metadata", "name") == name)
        .At("spec", "template", "spec", "containers").Items().Single();

    private static IEnumerable<string> ConfigMap(string name) => _kubernetes
        .Single(node => node.Text("kind") == "ConfigMap" && node.Text("metadata", "name") == name)["data"]
        .Properties().Select(pair => pair.Key);

    // As it might be deployed.
    private string Resolved(string value) => Placeholder().Replace(value, match => match.Groups[1].Value switch
    {
        "tracking.connectionString" => "Host=postgres;Username=u;Password=p;Database=tracking",
        "rabbitmq.connectionString" => "amqp://u:p@rabbitmq:5672",
        "redis.connectionString" => "redis:6379,password=p",
        "master-key.value" => made.Read("Tracking__MasterKey"),
        "admin-key.value" => made.Read("Tracking__Migrator__AdminKey"),
        "system-host.value" => "track.example.com",
        "system-scheme.value" => "https",
        "system-port.value" => "443",
        "api-host.value" => "api.example.com",
        var url when url.EndsWith(".url", StringComparison.Ordinal) => $"http://{url.Split('.')[0]}:8080",
        var port when port.EndsWith("ort", StringComparison.Ordinal) => "8081",
        var other => throw new ArgumentException($"The manifest refers to {other}."),
    });

    [GeneratedRegex("-[0-9]+$")]
    private static partial Regex Copy();

    [GeneratedRegex("/dev/tcp/127.0.0.1/([0-9]+)")]
    private static partial Regex HealthPort();

    [GeneratedRegex(@"Tracking__(\w+)__Listen=[\d.]+:(\d+)")]
    private static partial Regex Listening();

    [GeneratedRegex("__[0-9]+$")]
    private static partial Regex Index();

    [GeneratedRegex(@"\{([^}]+)\}")]
    private static partial Regex Placeholder();
}
