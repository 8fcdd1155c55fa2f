using System.Buffers;
using System.Net.Http.Headers;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace Tracking.Cli.Commands.Imports;

/// <summary>A link of another system.</summary>
/// <param name="Where">The place in the source, for people.</param>
/// <param name="Host">The tracking domain.</param>
/// <param name="Path">The path on this domain.</param>
/// <param name="Url">The destination; <see langword="null"/> for an open pixel.</param>
internal sealed record OtherLink(string Where, string Host, string Path, string? Url)
{
    /// <summary>The message's id.</summary>
    public string? Message { get; init; }

    /// <summary>The envelope sender.</summary>
    public string? Sender { get; init; }

    /// <summary>The envelope recipient.</summary>
    public string? Recipient { get; init; }

    /// <summary>The message's tag.</summary>
    public string? Tag { get; init; }

    /// <summary>When the message was sent.</summary>
    public DateTimeOffset? SentAt { get; init; }
}

/// <summary>
/// Sends links to the API in batches, one after the other, and counts the results. Only one batch is in memory. While
/// the server is unreachable or busy, the batch is sent again, up to a limit.
/// </summary>
internal sealed class SendLinks(
    TrackingApi api, string cluster, bool isDryRun, TextWriter? leftOutFile, Terminal terminal, TimeProvider time)
{
    // Well below the server's limits (Tracking__Management__MaxImportLines and …Bytes).
    private const int MaxLines = 2_000;
    private const int MaxBytes = 1 << 20;

    // How many examples of left-out links are printed. The file of --left-out has all.
    private const int Examples = 10;

    // Attempts to send one batch. The pauses between them are longer than a restart of the server.
    private const int Attempts = 8;

    // The server's limits of lengths (ImportedLinkDocument).
    private const int MaxTag = 64, MaxText = 1_000;

    private static readonly TimeSpan _firstPause = TimeSpan.FromSeconds(1);

    private static readonly Dictionary<string, string> _reasons = new(StringComparer.Ordinal)
    {
        ["malformed"] = "a value is missing, too long, or holds control characters",
        ["badPath"] = "the path does not begin with a slash, is longer than 2,000 octets, or is no printable ASCII",
        ["ownPath"] = "the path is a page of the edge itself",
        ["badUrl"] = "the destination is no http or https URL",
        ["loop"] = "the destination is the link itself",
        ["unknownHost"] = "the host is no tracking domain of the cluster",
        ["conflict"] = "the path leads elsewhere already; it stays as it is",
        ["noTrackingDomain"] = "the Postal server has no tracking domain",
        ["noDatabase"] = "the Postal server's message database is not there or cannot be read",
        ["domainRefused"] = "the tracking domain was refused",
        ["badExclusion"] = "the excluded domain is no host name",
    };

    private readonly ArrayBufferWriter<byte> _body = new();
    private readonly List<(string Where, string Host)> _lines = [];
    private readonly SortedDictionary<string, (long Count, List<string> Examples)> _leftOut =
        new(StringComparer.Ordinal);

    private long _read;
    private long _stored;
    private long _known;

    /// <summary>The hosts that a run without --dry-run would add.</summary>
    public HashSet<string> WouldBeAdded { get; } = new(StringComparer.OrdinalIgnoreCase);

    /// <summary>The domains of the source, for the printed result.</summary>
    public JsonArray Domains { get; } = [];

    /// <summary>Whether something was left out.</summary>
    public bool HasLeftOut => _leftOut.Count > 0;

    /// <summary>Whether the batch is full, so that <see cref="SendAsync"/> must be called.</summary>
    public bool IsFull => _lines.Count >= MaxLines || _body.WrittenCount >= MaxBytes;

    /// <summary>Adds a link to the batch.</summary>
    public void Add(OtherLink link)
    {
        _read++;
        using var json = new Utf8JsonWriter(_body);
        json.WriteStartObject();
        json.WriteString("host", link.Host);
        json.WriteString("path", link.Path);
        Write(json, "url", link.Url);
        if (link.Url is null)
        {
            json.WriteString("kind", "open");
        }

        Write(json, "message", link.Message);
        Write(json, "sender", Short(link.Sender));
        Write(json, "recipient", Short(link.Recipient));
        if (link.Tag is { Length: > 0 and <= MaxTag } tag && !tag.Any(char.IsControl))
        {
            json.WriteStartArray("tags");
            json.WriteStringValue(tag);
            json.WriteEndArray();
        }

        if (link.SentAt is { } sent)
        {
            json.WriteString("sentAt", sent);
        }

        json.WriteEndObject();
        json.Flush();
        _body.Write("\n"u8);
        _lines.Add((link.Where, link.Host));
    }

    /// <summary>Counts a row of the source that is left out.</summary>
    public void LeaveOut(string reason, string where)
    {
        var (count, examples) = _leftOut.GetValueOrDefault(reason, (0, []));
        if (examples.Count < Examples)
        {
            examples.Add(where);
        }

        _leftOut[reason] = (count + 1, examples);
        leftOutFile?.WriteLine(new JsonObject { ["where"] = where, ["reason"] = reason }.ToJsonString());
    }

    /// <summary>Sends the batch.</summary>
    /// <returns><see cref="ExitCode.Done"/> when the server has stored the batch. Otherwise the reason has been
    /// printed.</returns>
    public async Task<int> SendAsync(CancellationToken cancellationToken)
    {
        if (_lines.Count == 0)
        {
            return ExitCode.Done;
        }

        var answer = await PostAsync(cancellationToken);
        if (!answer.IsDone)
        {
            return answer.Complain(terminal);
        }

        _stored += (long)answer.Json["stored"]!;
        _known += (long)answer.Json["known"]!;
        foreach (var line in answer.Json["leftOut"]!.AsArray())
        {
            var (where, host) = _lines[(int)line!["line"]! - 1];
            var reason = (string)line["reason"]!;
            if (reason == "unknownHost" && WouldBeAdded.Contains(host))
            {
                _stored++;
            }
            else
            {
                LeaveOut(reason, where);
            }
        }

        if (leftOutFile is not null)
        {
            await leftOutFile.FlushAsync(cancellationToken);
        }

        _body.ResetWrittenCount();
        _lines.Clear();
        return ExitCode.Done;
    }

    /// <summary>Prints the result of the import.</summary>
    public void Report(bool isComplete)
    {
        if (terminal.Json)
        {
            var leftOut = new JsonObject();
            foreach (var (reason, (count, examples)) in _leftOut)
            {
                leftOut[reason] = new JsonObject
                {
                    ["count"] = count,
                    ["examples"] = new JsonArray([.. examples.Select(where => (JsonNode)where)]),
                };
            }

            terminal.Document(new JsonObject
            {
                ["dryRun"] = isDryRun,
                ["complete"] = isComplete,
                ["domains"] = Domains,
                ["read"] = _read,
                ["stored"] = _stored,
                ["known"] = _known,
                ["leftOut"] = leftOut,
            });
            return;
        }

        terminal.Line($"{(isDryRun ? "Would store" : "Stored")} {_stored} links; {_known} were there; left out "
            + $"{_leftOut.Values.Sum(left => left.Count)}.{(isComplete ? "" : " Not complete: run it again.")}");
        foreach (var (reason, (count, examples)) in _leftOut)
        {
            terminal.Line($"  {count} left out: {_reasons.GetValueOrDefault(reason, reason)}: "
                + $"{string.Join("; ", examples)}{(count > examples.Count ? "; …" : "")}");
        }
    }

    private async Task<ApiAnswer> PostAsync(CancellationToken cancellationToken)
    {
        var pause = _firstPause;
        for (var attempt = 1; ; attempt++, pause *= 2)
        {
            using var content = new ReadOnlyMemoryContent(_body.WrittenMemory);
            content.Headers.ContentType = new MediaTypeHeaderValue("application/x-ndjson");
            var answer = await api.SendAsync(
                HttpMethod.Post,
                $"clusters/{Query.Escape(cluster)}/imported-links{(isDryRun ? "?dryRun=true" : "")}",
                content,
                cancellationToken);
            if (answer.ExitCode != ExitCode.Unavailable || attempt == Attempts)
            {
                return answer;
            }

            terminal.Complain($"{answer.Complaint} Going on in a moment.");
            await Task.Delay(answer.RetryAfter ?? pause, time, cancellationToken);
        }
    }

    private static void Write(Utf8JsonWriter json, string name, string? value)
    {
        if (value is not null)
        {
            json.WriteString(name, value);
        }
    }

    private static string? Short(string? text) =>
        text is { Length: > 0 and <= MaxText } && !text.Any(char.IsControl) ? text : null;
}
