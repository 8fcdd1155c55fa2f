using System.Globalization;
using System.Text.Json.Nodes;
using Tracking.Functional.Tests.Management;
using Tracking.Functional.Tests.Management.Domains;

namespace Tracking.Functional.Tests.Cli;

/// <summary>The JSON output of <c>trackctl domains</c> and <c>trackctl audit</c>.</summary>
[Collection(nameof(ManagementCollection))]
public sealed class DomainsJsonTests(ManagementHost host)
{
    private const string Diagnosis = """{"outcome":"contradicted","findings":[],"hops":[]}""";

    /// <param name="command">The command. Braces contain a placeholder for a name: <c>new</c> is not added yet;
    /// <c>pending</c> and <c>active</c> are.</param>
    /// <param name="code">The exit code.</param>
    /// <param name="members">Members of the document, each with its value where the value is known.</param>
    [Theory]
    [InlineData("add {new} --default", 0, "hostname={new} status=pending setAsDefault=true verification.type=CNAME "
        + "verification.name={new} verification.value verification.zone acceptsNewLinks=false why=pending")]
    [InlineData("list", 0, "items.0.hostname={active} items.0.status=active")]
    [InlineData("list --search nothing", 0, "items")]
    [InlineData("show {active}", 0, "hostname={active} status=active verification.value tls.status")]
    [InlineData("show {active} --verbose", 0, "hostname={active}")]
    [InlineData("show {active} --checks", 0, "items")]
    [InlineData("show {new}", 3, "type=urn:tracking:problem:not-found title")]
    [InlineData("check {new}", 0, "hostname={new} accepted=true diagnosis.outcome=contradicted "
        + "caa.0=0_issue_\"ca.example.net\" caaFoundAt=example.net httpsForced=false")]
    [InlineData("check example.com", 3, "hostname=example.com accepted=false reason")]
    [InlineData("verify {active}", 0, "hostname={active} status=active lastCheck.outcome=contradicted")]
    [InlineData("verify {active} --wait", 0, "hostname={active} status=active")]
    [InlineData("verify {pending}", 3, "type=urn:tracking:problem:domain-not-verified title detail "
        + "domain.verification.value diagnosis.outcome=contradicted")]
    [InlineData("verify {pending} --wait 1s", 3, "type=urn:tracking:problem:domain-not-verified")]
    [InlineData("set {active} --clicks false --exclude a.example", 0, "hostname={active} trackClicks=false "
        + "excludedDomains.0=a.example")]
    [InlineData("default {active}", 0, "hostname={active} isDefault=true")]
    [InlineData("default {active} --unset", 0, "hostname={active} isDefault=false")]
    [InlineData("default {pending}", 3, "type title")]
    [InlineData("retire {active}", 0, "hostname={active} retired=true")]
    [InlineData("retire {active} --undo", 0, "hostname={active} retired=false")]
    [InlineData("delete {active} --dry-run", 0, "hostname={active} deleted=false links=0 messages=0 clicksLastWeek=0")]
    [InlineData("delete {active} --yes {active}", 0, "hostname={active} deleted=true links=0")]
    [InlineData("audit --subject {active}", 0, "items.0.action=create-tracking-domain items.0.subject={active} "
        + "items.0.at items.0.after")]
    public async Task Json_is_one_document_and_nothing_else(string command, int code, string members)
    {
        using var domains = await DomainClient.CreateAsync(host);
        var names = new Dictionary<string, string>
        {
            ["{new}"] = DomainClient.NewName(),
            ["{pending}"] = command.Contains("{pending}", StringComparison.Ordinal)
                ? (string)(await domains.AddAsync())["hostname"]! : "",
            ["{active}"] = await domains.AddActiveAsync(),
        };
        host.Verifier.Diagnoses[names["{new}"]] = Diagnosis;
        host.Verifier.Caa[names["{new}"]] = (["0 issue \"ca.example.net\""], "example.net");
        foreach (var added in new[] { names["{pending}"], names["{active}"] })
        {
            host.Verifier.Verifications[added] = _ => domains.StoreCheckAsync(added, Diagnosis);
        }

        var words = Named(command).Split(' ');
        string[] arguments = words[0] == "audit" ? words : ["domains", .. words];
        string[] cluster = words[0] == "check" ? [] : ["--cluster", domains.Cluster];

        var (exit, output, error) = await Trackctl.RunAsync(
            host.Url, host.AdminKey, [.. arguments, .. cluster, "--json"]);

        Assert.True(exit == code, $"{exit}\n{output}\n{error}");
        Assert.Empty(error);
        var document = Assert.IsType<JsonObject>(JsonNode.Parse(output));
        foreach (var member in members.Split(' '))
        {
            var (path, value) = member.Split('=') is [var left, var right] ? (left, right) : (member, null);
            var found = Member(document, path);
            Assert.True(found is not null, $"{path} is missing:\n{output}");
            if (value is not null)
            {
                Assert.Equal(Named(value).Replace('_', ' '), found.ToString());
            }
        }

        string Named(string text) => names.Aggregate(
            text, (text, name) => text.Replace(name.Key, name.Value, StringComparison.Ordinal));
    }

    // A path has the names of members and the indexes of items, joined by dots.
    private static JsonNode? Member(JsonNode document, string path) => path.Split('.').Aggregate(
        (JsonNode?)document,
        (node, step) => node is JsonArray items
            ? int.Parse(step, CultureInfo.InvariantCulture) is var index && index < items.Count ? items[index] : null
            : node?[step]);
}
