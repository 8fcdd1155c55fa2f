using System.Text;
using System.Text.Json;
using System.Text.RegularExpressions;

namespace Tracking.Certificates.Acme;

/// <summary>Makes an <see cref="AcmeProblem"/> of what an authority sent.</summary>
internal static partial class ReadProblem
{
    // What Boulder says is at most a few hundred characters; the link to let a name go on is longer than all else.
    private const int MaxDetail = 4_096;
    private const int MaxTypeText = 256;
    private const int MaxName = 253;

    // An order has at most 100 names with every authority that is known.
    private const int MaxSubproblems = 100;

    private const string Prefix = "urn:ietf:params:acme:error:";

    private static readonly Dictionary<string, AcmeProblemType> _types = new(StringComparer.OrdinalIgnoreCase)
    {
        ["accountDoesNotExist"] = AcmeProblemType.AccountDoesNotExist,
        ["alreadyReplaced"] = AcmeProblemType.AlreadyReplaced,
        ["alreadyRevoked"] = AcmeProblemType.AlreadyRevoked,
        ["badCSR"] = AcmeProblemType.BadCsr,
        ["badNonce"] = AcmeProblemType.BadNonce,
        ["badPublicKey"] = AcmeProblemType.BadPublicKey,
        ["badRevocationReason"] = AcmeProblemType.BadRevocationReason,
        ["badSignatureAlgorithm"] = AcmeProblemType.BadSignatureAlgorithm,
        ["caa"] = AcmeProblemType.Caa,
        ["compound"] = AcmeProblemType.Compound,
        ["conflict"] = AcmeProblemType.Conflict,
        ["connection"] = AcmeProblemType.Connection,
        ["dns"] = AcmeProblemType.Dns,
        ["externalAccountRequired"] = AcmeProblemType.ExternalAccountRequired,
        ["incorrectResponse"] = AcmeProblemType.IncorrectResponse,
        ["invalidContact"] = AcmeProblemType.InvalidContact,
        ["invalidProfile"] = AcmeProblemType.InvalidProfile,
        ["malformed"] = AcmeProblemType.Malformed,
        ["orderNotReady"] = AcmeProblemType.OrderNotReady,
        ["rateLimited"] = AcmeProblemType.RateLimited,
        ["rejectedIdentifier"] = AcmeProblemType.RejectedIdentifier,
        ["serverInternal"] = AcmeProblemType.ServerInternal,
        ["tls"] = AcmeProblemType.Tls,
        ["unauthorized"] = AcmeProblemType.Unauthorized,
        ["unsupportedContact"] = AcmeProblemType.UnsupportedContact,
        ["unsupportedIdentifier"] = AcmeProblemType.UnsupportedIdentifier,
        ["userActionRequired"] = AcmeProblemType.UserActionRequired,
    };

    /// <summary>From an answer with an error status.</summary>
    public static AcmeProblem From(AcmeAnswer answer, DateTimeOffset now)
    {
        var retryAfter = answer.RetryAfter;
        ProblemJson? json = null;
        if (answer.MediaType is "application/problem+json" or "application/json")
        {
            try
            {
                json = JsonSerializer.Deserialize(answer.Body, AcmeJson.Default.ProblemJson);
            }
            catch (JsonException)
            {
                // Told as an error without a problem.
            }
        }

        if (json?.Type is null && json?.Detail is null)
        {
            return new AcmeProblem(
                AcmeProblemType.Unavailable,
                $"The certificate authority answered {answer.Status} without saying why.")
            {
                Status = answer.Status,
                RetryAfter = retryAfter,
            };
        }

        var problem = From(json);
        return problem with
        {
            Status = answer.Status,
            RetryAfter = retryAfter
                ?? (problem.Type == AcmeProblemType.RateLimited ? RetryAfter.Read(problem.Detail, now) : null),
            TermsOfService = Link(answer.Link("terms-of-service")),
        };
    }

    /// <summary>From a problem inside an order or a challenge.</summary>
    public static AcmeProblem From(ProblemJson json)
    {
        var type = TypeOf(json.Type);
        var detail = Clean(json.Detail, MaxDetail);
        return new AcmeProblem(type, detail.Length > 0 ? detail : "The certificate authority did not say why.")
        {
            TypeText = Clean(json.Type, MaxTypeText),
            Status = json.Status,
            PausedUrl = type == AcmeProblemType.RateLimited && Paused().Match(detail) is { Success: true } paused
                ? Link(paused.Groups[1].Value)
                : null,
            Instance = Link(json.Instance),
            Subproblems =
            [
                .. (json.Subproblems ?? []).OfType<SubproblemJson>().Take(MaxSubproblems).Select(sub =>
                    new AcmeSubproblem(
                        Clean(sub.Identifier?.Value, MaxName), TypeOf(sub.Type), Clean(sub.Detail, MaxDetail))),
            ],
        };
    }

    /// <summary>A link that may be shown to a person, or none: https, nothing else.</summary>
    public static Uri? Link(string? text) =>
        text?.Length <= MaxDetail && Uri.TryCreate(text, UriKind.Absolute, out var link)
        && link.Scheme == Uri.UriSchemeHttps
            ? link
            : null;

    /// <summary>Text of others as one line: no control character reaches a log or a terminal.</summary>
    public static string Clean(string? text, int length)
    {
        if (string.IsNullOrEmpty(text))
        {
            return "";
        }

        var clean = new StringBuilder(Math.Min(text.Length, length));
        foreach (var rune in text.EnumerateRunes())
        {
            if (clean.Length + rune.Utf16SequenceLength > length)
            {
                break;
            }

            clean.Append(Rune.IsControl(rune) ? " " : rune.ToString());
        }

        return clean.ToString().Trim();
    }

    private static AcmeProblemType TypeOf(string? type) =>
        type is not null && type.StartsWith(Prefix, StringComparison.OrdinalIgnoreCase)
        && _types.TryGetValue(type[Prefix.Length..], out var known)
            ? known
            : AcmeProblemType.Unknown;

    // Boulder: "Your account is temporarily prevented from requesting certificates for NAME and possibly others. Please
    // visit: URL".
    [GeneratedRegex(
        @"temporarily prevented from requesting.*?(https://\S+)",
        RegexOptions.IgnoreCase | RegexOptions.CultureInvariant | RegexOptions.NonBacktracking)]
    private static partial Regex Paused();
}
