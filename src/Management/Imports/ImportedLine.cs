using System.Text;
using System.Text.Json;
using System.Text.Json.Serialization;
using Tracking.Links;

namespace Tracking.Management.Imports;

/// <summary>A line of an import: what a path on a tracking domain leads to.</summary>
/// <param name="Host">A tracking domain of the cluster, pending or active.</param>
/// <param name="Path">The path as it stands in the mail, with the query where links are told apart by it. Printable
/// ASCII, at most 2,000 octets.</param>
/// <param name="Kind"><c>click</c> (default) or <c>open</c>: the transparent picture.</param>
/// <param name="Url">Where a click leads: http or https. Not given for an open.</param>
/// <param name="Message">The message's id, the same for all links of a message; without it the events count for one
/// message of all imported links of the host.</param>
/// <param name="Sender">Envelope sender of the message.</param>
/// <param name="Recipient">Envelope recipient of the message.</param>
/// <param name="Tags">Tags of the message, at most ten of 64 characters.</param>
/// <param name="SentAt">When the message was sent.</param>
internal sealed record ImportedLinkDocument(
    string? Host,
    string? Path,
    string? Kind,
    string? Url,
    string? Message,
    string? Sender,
    string? Recipient,
    IReadOnlyList<string>? Tags,
    DateTimeOffset? SentAt);

/// <summary>Why a line was left out.</summary>
internal enum LeftOutReason
{
    /// <summary>The line is no JSON object of the described members.</summary>
    Malformed,

    /// <summary>The path does not begin with a slash, is too long, or is no printable ASCII.</summary>
    BadPath,

    /// <summary>The path is a page of the edge itself.</summary>
    OwnPath,

    /// <summary>The URL is no http or https URL that a browser could be sent to.</summary>
    BadUrl,

    /// <summary>The URL is the imported link itself.</summary>
    Loop,

    /// <summary>The host is no tracking domain of the cluster.</summary>
    UnknownHost,

    /// <summary>The path leads elsewhere already, or would be a link both with and without a query.</summary>
    Conflict,
}

/// <summary>A line that was left out.</summary>
/// <param name="Line">Its number, from 1.</param>
/// <param name="Reason">Why.</param>
internal sealed record LeftOutLine(int Line, LeftOutReason Reason);

/// <summary>A line that was read and checked.</summary>
/// <param name="Number">Its number, from 1.</param>
/// <param name="Host">A-labels, lower case.</param>
/// <param name="Path">Path and query.</param>
/// <param name="Url">The destination, printable ASCII; <see langword="null"/> for an open.</param>
/// <param name="MessageId">The message's id.</param>
/// <param name="Document">The line as it came.</param>
internal sealed record ImportedLine(
    int Number, string Host, string Path, string? Url, string MessageId, ImportedLinkDocument Document)
{
    /// <summary>Octets of a path: less than a page of an index takes.</summary>
    public const int MaxPath = 2_000;

    private const int MaxText = 1_000;
    private const int MaxTags = 10;
    private const int MaxTag = 64;

    private static readonly JsonSerializerOptions _strict = new(JsonSerializerDefaults.Web)
    {
        UnmappedMemberHandling = JsonUnmappedMemberHandling.Disallow,
        NumberHandling = JsonNumberHandling.Strict,
        AllowDuplicateProperties = false,
        MaxDepth = 4,
    };

    /// <summary>What the path alone is when links are told apart by their query; <see langword="null"/>
    /// otherwise.</summary>
    public string? PathOfQuery => Path.IndexOf('?', StringComparison.Ordinal) is >= 0 and var at ? Path[..at] : null;

    /// <summary>Reads a line.</summary>
    /// <param name="number">Its number.</param>
    /// <param name="json">The line.</param>
    /// <param name="leftOut">Why it cannot be taken.</param>
    public static ImportedLine? Read(int number, ReadOnlySpan<byte> json, out LeftOutReason leftOut)
    {
        leftOut = LeftOutReason.Malformed;
        if (Parse(json) is not { Host: { } host, Path: { } path } document || !IsText(document))
        {
            return null;
        }

        var isOpen = document.Kind == "open";
        if (document.Kind is not (null or "click" or "open") || isOpen != document.Url is null)
        {
            return null;
        }

        if (!IsPath(path))
        {
            leftOut = LeftOutReason.BadPath;
            return null;
        }

        if (IsOwnPath(path))
        {
            leftOut = LeftOutReason.OwnPath;
            return null;
        }

        var url = isOpen ? null : ReadUrl(document.Url!);
        if (!isOpen && url is null)
        {
            leftOut = LeftOutReason.BadUrl;
            return null;
        }

        if (!HostName.TryParse(host, out var name))
        {
            leftOut = LeftOutReason.UnknownHost;
            return null;
        }

        if (url is not null && IsLoop(url, name, path))
        {
            leftOut = LeftOutReason.Loop;
            return null;
        }

        return new ImportedLine(number, name.Value, path, url, document.Message ?? $"imported:{name.Value}", document);
    }

    private static ImportedLinkDocument? Parse(ReadOnlySpan<byte> json)
    {
        try
        {
            return JsonSerializer.Deserialize<ImportedLinkDocument>(json, _strict);
        }
        catch (Exception exception) when (exception is JsonException or InvalidOperationException)
        {
            return null;
        }
    }

    private static bool IsText(ImportedLinkDocument document) =>
        IsShort(document.Message, MaxText) && document.Message != "" && IsShort(document.Sender, MaxText)
        && IsShort(document.Recipient, MaxText)
        && (document.Tags is not { } tags
            || (tags.Count <= MaxTags && tags.All(tag => tag is { Length: > 0 } && IsShort(tag, MaxTag))));

    private static bool IsShort(string? text, int max) =>
        text is null || (text.Length <= max && !text.Any(char.IsControl));

    private static bool IsPath(string path) =>
        path.Length is > 1 and <= MaxPath
        && path[0] == '/'
        && path[1] != '?'
        && !path.AsSpan().ContainsAnyExceptInRange('\x21', '\x7e')
        && !path.Contains('#', StringComparison.Ordinal)
        && !path.EndsWith('?');

    private static bool IsOwnPath(string path) =>
        path.Split('?')[0] is "/robots.txt" or "/apple-app-site-association"
        || path.StartsWith("/.well-known/", StringComparison.Ordinal);

    private static string? ReadUrl(string url) =>
        DestinationPolicy.Read(Encoding.UTF8.GetBytes(url.Trim()), null, out var destination)
            == DestinationOutcome.Accepted
        && DestinationPolicy.IsSafeLocation(destination.Url)
            ? Encoding.ASCII.GetString(destination.Url)
            : null;

    private static bool IsLoop(string url, HostName host, string path) =>
        DestinationPolicy.Read(Encoding.ASCII.GetBytes(url), null, out var destination) == DestinationOutcome.Accepted
        && HostName.TryParse(Encoding.ASCII.GetString(destination.Host), out var to)
        && to == host
        && url[destination.PathStart..].Split('#')[0] == path;
}
