using System.Text.Json.Nodes;
using System.Text.RegularExpressions;
using Tracking.Servers;
using Tracking.Servers.Engines;
using Tracking.ServiceDefaults.Settings;

namespace Tracking.System.Tests.Deploy;

public sealed partial class ComposeTests(MadeSecrets made) : IClassFixture<MadeSecrets>
{
    private static readonly JsonNode _compose = Manifests.Read("compose", "compose.yaml").Single();
    private static readonly JsonNode _standalone = Manifests.Read("compose", "standalone.yaml").Single();

    public static TheoryData<string> Services => [.. _compose["services"].Properties().Select(service => service.Key)];

    public static TheoryData<string> OwnServices => [.. Manifests.Services.Keys];

    [Theory]
    [MemberData(nameof(Services))]
    public void Everything_that_a_container_refers_to_is_there(string name)
    {
        var service = _compose.At("services", name);
        foreach (var (needed, condition) in service.At("depends_on").Properties())
        {
            var other = _compose.At("services", needed);
            Assert.NotNull(other);
            Assert.True(
                condition.Text("condition") == "service_completed_successfully"
                    ? needed == "migrator"
                    : other.At("healthcheck", "test") is not null,
                $"{name} waits for the health of {needed}, which has none.");
        }

        AssertKnown("secrets", service.At("secrets").Items().Select(Source));
        AssertKnown("configs", service.At("configs").Items().Select(Source));
        AssertKnown("networks", service.At("networks").Items().Select(network => network.ToString()));
        AssertKnown("volumes", service.At("volumes").Items().Select(volume => volume.ToString().Split(':')[0])
            .Where(volume => !volume.StartsWith("./secrets/", StringComparison.Ordinal)));
        Assert.Equal("no-new-privileges:true", service.At("security_opt").Items().Single().ToString());
        Assert.NotNull(service.At("deploy", "resources", "limits", "memory"));
        Assert.True(
            name == "migrator" || service.At("healthcheck", "test") is not null, $"{name} has no health check.");
    }

    [Theory]
    [InlineData("postgres", EngineImages.Postgres)]
    [InlineData("rabbitmq", EngineImages.Rabbit)]
    [InlineData("redis", EngineImages.Redis)]
    public void The_tests_run_the_same_images_where_they_run_containers(string engine, string image) =>
        Assert.Equal(image, _compose.At("services", engine).Text("image"));

    [Theory]
    [MemberData(nameof(OwnServices))]
    public void A_service_is_there_with_its_image_hardening_and_settings_that_it_takes(string name)
    {
        var service = _compose.At("services", name);
        Assert.Equal($"tracking/{name}:${{TAG:-latest}}", service.Text("image"));
        Assert.Equal("true", service.Text("read_only"));
        Assert.Equal("ALL", service.At("cap_drop").Items().Single().ToString());
        var variables = Variables(service);
        CheckEnvironment.Check(Manifests.Services[name], variables);

        // Only the service's own folder of secrets is mounted, and no other secret.
        Assert.Equal(
            made.Of(name).Count == 0 ? [] : [$"./secrets/{name}:/run/secrets:ro"],
            service.At("volumes").Items().Select(volume => volume.ToString())
                .Where(volume => volume.Contains("secrets", StringComparison.Ordinal)));
        Assert.Null(service.At("secrets"));
        Assert.Equal(made.Of(name).Count == 0 ? "" : "/run/secrets", variables["TRACKING_SECRETS"]);
        Assert.True(
            name is "migrator" || service.At("depends_on", "migrator") is not null || name is "gateway",
            $"{name} does not wait for the migrator.");
    }

    [Fact]
    public void The_standalone_takes_its_settings()
    {
        var service = _standalone.At("services", "standalone");
        CheckEnvironment.Check("Standalone", Variables(service));
        Assert.Equal("true", service.Text("read_only"));
        Assert.Equal("ALL", service.At("cap_drop").Items().Single().ToString());
        Assert.Equal("no-new-privileges:true", service.At("security_opt").Items().Single().ToString());
        Assert.Equal("data:/var/lib/tracking", service.At("volumes").Items().Single().ToString());
    }

    [Fact]
    public void Health_checks_use_the_port_of_the_health_endpoints()
    {
        foreach (var name in Manifests.Services.Keys.Where(name => name != "migrator"))
        {
            var service = _compose.At("services", name);
            var asked = HealthPort().Match(service.At("healthcheck", "test").Items().Last().ToString());
            var own = service.Text("environment", "Tracking__Edge__HealthPort") ?? "8080";
            Assert.Equal(own, asked.Groups[1].Value);
        }
    }

    [Fact]
    public void The_gateway_finds_every_service_behind_it()
    {
        var addresses = _compose.At("services", "gateway", "environment").Properties()
            .Where(variable => variable.Key.StartsWith("services__", StringComparison.Ordinal))
            .ToDictionary(variable => variable.Key.Split("__")[1], variable => variable.Value!.ToString());
        Assert.Equal(
            new[] { ServiceNames.Certificates, ServiceNames.Edge, ServiceNames.Management, ServiceNames.Rewrite },
            addresses.Keys.Order());
        Assert.All(addresses, address => Assert.Equal($"http://{address.Key}:8080", address.Value));
    }

    [Fact]
    public void A_stop_is_given_the_time_that_the_edge_drains()
    {
        var edge = _compose.At("services", "edge");
        var drain = TimeSpan.Parse(edge.Text("environment", "Tracking__Edge__DrainTimeout")!);
        var grace = int.Parse(edge.Text("stop_grace_period")!.TrimEnd('s'));
        Assert.True(grace > drain.TotalSeconds + 10, "The edge is killed while it drains.");
    }

    [Fact]
    public void Every_variable_of_the_files_is_in_the_example()
    {
        var example = File.ReadAllLines(Manifests.PathOf("compose", ".env.example"))
            .Where(line => line.Length > 0 && line[0] != '#').Select(line => line.Split('=')[0]).ToHashSet();
        var used = new[] { "compose.yaml", "standalone.yaml" }
            .SelectMany(file => Variable().Matches(File.ReadAllText(Manifests.PathOf("compose", file))))
            .Select(match => match.Groups[1].Value).ToHashSet();
        Assert.Equal(example.Order(), used.Order());
    }

    [Fact]
    public void Secrets_of_the_engines_are_made()
    {
        Assert.All(_compose["secrets"].Properties(), secret =>
            Assert.True(File.Exists(Path.Combine(made.Folder, "..", secret.Value.Text("file")!)), secret.Key));
        Assert.Contains(
            _compose.At("services", "postgres", "configs").Items(),
            config => config.Text("target") == "/docker-entrypoint-initdb.d/roles.sql");
        // Every secret that the script reads is mounted.
        Assert.Equal(
            Secret().Matches(File.ReadAllText(Manifests.PathOf("postgres", "roles.sql"))).Select(
                match => match.Groups[1].Value)
                .Append("postgres_password").Order(),
            _compose.At("services", "postgres", "secrets").Items().Select(Source).Order());
    }

    [Fact]
    public void RabbitMQ_takes_messages_larger_than_the_largest_that_is_rewritten()
    {
        var limit = long.Parse(MaxMessageSize().Match(
            File.ReadAllText(Manifests.PathOf("compose", "config", "rabbitmq-limits.conf"))).Groups[1].Value);
        Assert.True(limit >= 2L * new Rewrite.RewriteOptions().MaxMessageBytes, $"max_message_size is {limit}.");
        var cluster = Manifests.Read("kubernetes", "engines", "rabbitmq.yaml").Single();
        Assert.Contains(
            $"max_message_size = {limit}", cluster.Text("spec", "rabbitmq", "additionalConfig"),
            StringComparison.Ordinal);
    }

    private static void AssertKnown(string kind, IEnumerable<string> names)
    {
        foreach (var name in names)
        {
            Assert.True(_compose[kind] is JsonObject known && known.ContainsKey(name), $"{kind} has no {name}.");
            if (kind == "configs")
            {
                Assert.True(File.Exists(Manifests.PathOf("compose", _compose.Text(kind, name, "file")!)));
            }
        }
    }

    private static string Source(JsonNode node) => node.Text("source") ?? node.ToString();

    // Values come from .env.example. Secrets have empty values here.
    private Dictionary<string, string> Variables(JsonNode? service)
    {
        var example = File.ReadAllLines(Manifests.PathOf("compose", ".env.example"))
            .Where(line => line.Contains('=')).Select(line => line.Split('=', 2))
            .ToDictionary(pair => pair[0], pair => pair[1]);
        var variables = service.At("environment").Properties().ToDictionary(
            variable => variable.Key,
            variable => Variable().Replace(
                variable.Value!.ToString(), match => example.GetValueOrDefault(match.Groups[1].Value, "")));
        foreach (var secret in made.Of(service.Text("image")!.Split('/', ':')[1]))
        {
            variables[secret] = "";
        }

        return variables;
    }

    [GeneratedRegex(@"\$\{([A-Z_]+)[^}]*\}")]
    private static partial Regex Variable();

    [GeneratedRegex("/dev/tcp/127.0.0.1/([0-9]+);")]
    private static partial Regex HealthPort();

    [GeneratedRegex(@"(?m)^\\set \w+ `cat :'secrets'/(\w+)`$")]
    private static partial Regex Secret();

    [GeneratedRegex("(?m)^max_message_size = ([0-9]+)$")]
    private static partial Regex MaxMessageSize();
}
