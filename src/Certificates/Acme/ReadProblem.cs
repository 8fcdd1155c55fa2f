using System.Text;
using System.Text.Json;
using System.Text.RegularExpressions;

namespace Tracking.Certificates.Acme;

/// <summary>Reads problems from an authority's answers.</summary>
internal static partial class ReadProblem
{
    // Boulder's texts have at most a few hundred characters. The link that ends a pause is the longest of them.
    private const int MaxDetail = 4_096;
    private const int MaxTypeText = 256;
    private const int MaxName = 253;

    // With every known authority an order has at most 100 names.
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

    /// <summary>Reads the problem of an answer with an error status.</summary>
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
                // The answer is reported as an error without a problem document.
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

    /// <summary>Reads a problem inside an order or a challenge.</summary>
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

    /// <summary>A link that may be shown to a person: https only; <see langword="null"/> for every other
    /// text.</summary>
    public static Uri? Link(string? text) =>
        text?.Length <= MaxDetail && Uri.TryCreate(text, UriKind.Absolute, out var link)
        && link.Scheme == Uri.UriSchemeHttps
            ? link
            : null;

    /// <summary>Foreign text as one line. Control characters are removed, so none reaches a log or a
    /// terminal.</summary>
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
