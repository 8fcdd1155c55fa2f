using System.Text.Json;
using System.Text.Json.Serialization.Metadata;
using System.Text.RegularExpressions;

namespace Tracking.Certificates.Acme;

/// <summary>An authority's HTTP answer, cut to its limits and not yet parsed.</summary>
internal sealed partial record AcmeAnswer(Uri Url, int Status, byte[] Body)
{
    // Real answers have a few links. Each alternate chain is fetched separately.
    private const int MaxLinks = 32;

    public string MediaType { get; init; } = "";

    public string? Location { get; init; }

    public string? Nonce { get; init; }

    public TimeSpan? RetryAfter { get; init; }

    /// <summary>The links as the authority sent them: target and relation (RFC 8288).</summary>
    public IReadOnlyList<(string Target, string Relation)> Links { get; init; } = [];

    public bool IsSuccess => Status is >= 200 and <= 299;

    public string? Link(string relation) => Links.FirstOrDefault(link => link.Relation == relation).Target;

    /// <summary>Reads the body.</summary>
    public AcmeOutcome<T> Read<T>(JsonTypeInfo<T> type)
        where T : class
    {
        try
        {
            return JsonSerializer.Deserialize(Body, type) is { } value
                ? value
                : NotAcme("the answer is null");
        }
        catch (JsonException exception)
        {
            return NotAcme(ReadProblem.Clean(exception.Message, 200));
        }
    }

    public AcmeProblem NotAcme(string why) =>
        new(AcmeProblemType.NotAcme, $"The certificate authority's answer is not understood: {why.TrimEnd('.')}.")
        {
            Status = Status,
            RetryAfter = RetryAfter,
        };

    public static IReadOnlyList<(string Target, string Relation)> ReadLinks(IEnumerable<string> headers) =>
    [
        .. headers.SelectMany(header => LinkValue().Matches(header))
            .Take(MaxLinks)
            .Select(match => (match.Groups[1].Value, match.Groups[2].Value.ToLowerInvariant())),
    ];

    [GeneratedRegex(
        @"<([^<>\s]*)>\s*;[^,<]*?rel\s*=\s*""?([A-Za-z0-9-]+)",
        RegexOptions.CultureInvariant | RegexOptions.NonBacktracking)]
    private static partial Regex LinkValue();
}
