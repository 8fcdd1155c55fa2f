using System.Text.Json;
using System.Text.Json.Serialization;

namespace Tracking.Certificates.Acme;

/// <summary>The JSON of requests and answers. Answers are read within limits: depth 32, no property twice. Every
/// property may be missing.</summary>
[JsonSourceGenerationOptions(
    MaxDepth = MaxDepth,
    AllowDuplicateProperties = false,
    PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase,
    DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull)]
[JsonSerializable(typeof(DirectoryJson))]
[JsonSerializable(typeof(ProblemJson))]
[JsonSerializable(typeof(AccountJson))]
[JsonSerializable(typeof(OrderJson))]
[JsonSerializable(typeof(AuthorizationJson))]
[JsonSerializable(typeof(ChallengeJson))]
[JsonSerializable(typeof(RenewalInformationJson))]
[JsonSerializable(typeof(NewAccountJson))]
[JsonSerializable(typeof(NewOrderJson))]
[JsonSerializable(typeof(FinalizeJson))]
[JsonSerializable(typeof(RevokeJson))]
[JsonSerializable(typeof(KeyChangeJson))]
[JsonSerializable(typeof(DeactivateJson))]
[JsonSerializable(typeof(JwsJson))]
[JsonSerializable(typeof(ProtectedHeaderJson))]
internal sealed partial class AcmeJson : JsonSerializerContext
{
    /// <summary>An order with its problems is four levels deep. 32 levels leave room for extensions, and do not exhaust
    /// the stack.</summary>
    public const int MaxDepth = 32;
}

internal sealed record DirectoryJson(
    string? NewNonce, string? NewAccount, string? NewOrder, string? RevokeCert, string? KeyChange, string? RenewalInfo,
    DirectoryMetaJson? Meta);

internal sealed record DirectoryMetaJson(
    string? TermsOfService, bool? ExternalAccountRequired, Dictionary<string, string?>? Profiles,
    List<string?>? CaaIdentities);

internal sealed record ProblemJson(
    string? Type, string? Detail, int? Status, string? Instance, List<SubproblemJson?>? Subproblems);

internal sealed record SubproblemJson(string? Type, string? Detail, IdentifierJson? Identifier);

internal sealed record AccountJson(string? Status, List<string?>? Contact);

internal sealed record IdentifierJson(string? Type, string? Value);

internal sealed record OrderJson(
    string? Status, DateTimeOffset? Expires, List<IdentifierJson?>? Identifiers, List<string?>? Authorizations,
    string? Finalize, string? Certificate, string? Profile, string? Replaces, ProblemJson? Error);

internal sealed record AuthorizationJson(
    string? Status, DateTimeOffset? Expires, IdentifierJson? Identifier, List<ChallengeJson?>? Challenges);

internal sealed record ChallengeJson(string? Type, string? Url, string? Status, string? Token, ProblemJson? Error);

internal sealed record RenewalInformationJson(
    SuggestedWindowJson? SuggestedWindow, [property: JsonPropertyName("explanationURL")] string? ExplanationUrl);

internal sealed record SuggestedWindowJson(DateTimeOffset? Start, DateTimeOffset? End);

internal sealed record NewAccountJson(
    IReadOnlyList<string>? Contact, bool? TermsOfServiceAgreed, bool? OnlyReturnExisting,
    JwsJson? ExternalAccountBinding);

internal sealed record NewOrderJson(
    IReadOnlyList<IdentifierJson> Identifiers, string? Profile, string? Replaces);

internal sealed record FinalizeJson(string Csr);

internal sealed record RevokeJson(string Certificate, int Reason);

internal sealed record KeyChangeJson(string Account, JsonElement OldKey);

internal sealed record DeactivateJson(string Status);

internal sealed record JwsJson(
    [property: JsonPropertyName("protected")] string ProtectedHeader, string Payload, string Signature);

internal sealed record ProtectedHeaderJson(string Alg, string? Nonce, string Url, JsonElement? Jwk, string? Kid);
