using System.Runtime.CompilerServices;
using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.Json.Serialization.Metadata;
using Tracking.Database.Entities;
using Tracking.Links;
using Tracking.Rewrite.Decisions;
using Tracking.Rewrite.Findings;
using Tracking.Rewrite.Messages;
using Tracking.Rewrite.Tests.Messages;

namespace Tracking.Rewrite.Tests;

/// <summary>
/// One folder per case: <c>in.eml</c> is the message, <c>request.json</c> has settings that differ from the defaults,
/// <c>out.eml</c> and <c>links.json</c> are the expected results. <c>TRACKING_UPDATE_GOLDEN=1</c> writes the last two
/// again: read them before you commit them. <c>docs/rewriting.md</c> names the rule of each case.
/// </summary>
public sealed class GoldenCasesTests
{
    private static readonly JsonSerializerOptions _json = new(JsonSerializerDefaults.Web)
    {
        WriteIndented = true,
        Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping,
        TypeInfoResolver = new DefaultJsonTypeInfoResolver { Modifiers = { LeaveOutRoleOfMostLinks } },
    };

    public static TheoryData<string> Names =>
    [
        .. Directory.GetDirectories(Folder())
            .Select(path => new DirectoryInfo(path).Name)
            .Order(StringComparer.Ordinal),
    ];

    [Theory]
    [MemberData(nameof(Names))]
    public void Case_comes_out_as_the_folder_says(string name)
    {
        var folder = Path.Combine(Folder(), name);
        var message = File.ReadAllBytes(Path.Combine(folder, "in.eml"));
        using var plan = RewriteMessage.Plan(message, Request(folder, message), Limits(folder));
        Assert.Null(plan.Failure);
        var output = TestKeys.Write(plan);
        var report = JsonSerializer.Serialize(Report(plan), _json) + "\n";
        if (Environment.GetEnvironmentVariable("TRACKING_UPDATE_GOLDEN") == "1")
        {
            File.WriteAllBytes(Path.Combine(folder, "out.eml"), output);
            File.WriteAllText(Path.Combine(folder, "links.json"), report);
        }

        Assert.Equal(File.ReadAllText(Path.Combine(folder, "links.json")), report);
        Assert.Equal(
            Encoding.Latin1.GetString(File.ReadAllBytes(Path.Combine(folder, "out.eml"))),
            Encoding.Latin1.GetString(output));
    }

    internal static string Folder() => Path.Combine(Path.GetDirectoryName(ThisFile())!, "Cases");

    [Theory]
    [MemberData(nameof(Names))]
    public void Case_is_undone_by_the_original_bytes_and_changes_no_more_when_it_is_rewritten_again(string name)
    {
        var folder = Path.Combine(Folder(), name);
        var message = File.ReadAllBytes(Path.Combine(folder, "in.eml"));
        MutatedMessagesTests.Check(message, Request(folder, message), Limits(folder));
    }

    internal static RewriteRequest Request(string folder, byte[] message) => Request(Settings(folder), message);

    internal static RewriteRequest Request(JsonObject settings, byte[] message)
    {
        var request = TestKeys.Request;
        foreach (var (key, value) in settings)
        {
            request = key switch
            {
                "origin" => request with { Origin = Origin((string?)value) },
                "trackClicks" => request with { TrackClicks = Enum.Parse<ClickTracking>((string)value!, true) },
                "trackOpens" => request with { TrackOpens = (bool)value! },
                "htmlOnly" => request with { HtmlOnly = (bool)value! },
                "trackImages" => request with { TrackImages = (bool)value! },
                "trackSigned" => request with { TrackSigned = (bool)value! },
                "linkStyle" => request with { LinkStyle = Enum.Parse<LinkStyle>((string)value!, true) },
                "keepUrlText" => request with { KeepUrlText = Enum.Parse<KeepUrlText>((string)value!, true) },
                "pixelPosition" => request with { PixelPosition = Enum.Parse<PixelPosition>((string)value!, true) },
                "httpsLinksMayUseHttp" => request with { HttpsLinksMayUseHttp = (bool)value! },
                "excludedDomains" => request with
                {
                    ExcludedDomains = HostSet.Of(value!.AsArray().Select(node => (string)node!)),
                },
                "utm" => request with { Utm = UtmParameters.TryParse((string)value!) },
                "systemLinks" => request with
                {
                    SystemLinks = HostSet.Of(value!.AsArray().Select(node => (string)node!)),
                },
                "cluster" => Obey(request, message, value.Deserialize<ClusterSettings>(_json)!),
                "limits" => request,
                _ => throw new InvalidOperationException($"unknown key {key}"),
            };
        }

        return request;
    }

    internal static RewriteLimits Limits(string folder) =>
        Settings(folder)["limits"].Deserialize<RewriteLimits>(_json) ?? RewriteLimits.Default;

    private static JsonObject Settings(string folder)
    {
        var file = Path.Combine(folder, "request.json");
        return File.Exists(file) ? JsonNode.Parse(File.ReadAllText(file))!.AsObject() : [];
    }

    // The result of the message's own headers and the cluster's settings.
    private static RewriteRequest Obey(RewriteRequest request, byte[] message, ClusterSettings cluster)
    {
        var inForce = EffectiveSettingsTests.InForce(cluster, new MessageMetadata(), message);
        return request with
        {
            TrackClicks = inForce.TrackClicks,
            TrackOpens = inForce.TrackOpens,
            RemovesOtherHeaders = inForce.RemovesOtherHeaders,
            Utm = inForce.Utm,
        };
    }

    private static TrackingOrigin? Origin(string? text) => text is null
        ? null
        : new TrackingOrigin(new Uri(text).Scheme == "https", TestKeys.Host(new Uri(text).Host));

    private static void LeaveOutRoleOfMostLinks(JsonTypeInfo type)
    {
        foreach (var property in type.Properties.Where(property => property.Name == "role"))
        {
            property.ShouldSerialize = (_, value) => value is not null;
        }
    }

    private static string ThisFile([CallerFilePath] string path = "") => path;

    private static object Report(RewritePlan plan) => new
    {
        untouched = WireWords.Of(plan.UntouchedReason),
        pixels = plan.Pixels,
        parts = plan.Parts.Select(part => WireWords.Of(part.Reason) ?? $"{part.Links} links"),
        links = plan.Links.Select(link => new
        {
            link.Part,
            link.Position,
            link.Ordinal,
            Decision = WireWords.Of(link.Decision),
            Kind = link.Kind.ToString(),
            Url = Encoding.UTF8.GetString(link.Url.Span),
            Destination = link.Destination.Span.SequenceEqual(link.Url.Span)
                ? null
                : Encoding.UTF8.GetString(link.Destination.Span),
            Name = Encoding.UTF8.GetString(link.Name.Span),
            Role = link.IsSystem ? "system" : null,
        }),
    };
}
