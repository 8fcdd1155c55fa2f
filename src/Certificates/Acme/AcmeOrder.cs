namespace Tracking.Certificates.Acme;

/// <summary>The state of an order (RFC 8555 §7.1.6).</summary>
public enum OrderStatus
{
    /// <summary>Not all authorizations are valid yet.</summary>
    Pending,

    /// <summary>The order can be finalized. A new order may have this state at once, because the authority uses earlier
    /// authorizations again.</summary>
    Ready,

    /// <summary>The authority is making the certificate.</summary>
    Processing,

    /// <summary>The certificate can be fetched.</summary>
    Valid,

    /// <summary>The order failed or expired.</summary>
    Invalid,
}

/// <summary>An order as the authority describes it. Every property is a plain value that can be stored.</summary>
/// <param name="Url">The order's URL.</param>
/// <param name="Status">The order's state.</param>
/// <param name="Authorizations">The URLs of the authorizations, one for each name.</param>
/// <param name="Finalize">The URL that takes the certificate request.</param>
public sealed record AcmeOrder(
    Uri Url, OrderStatus Status, IReadOnlyList<Uri> Authorizations, Uri Finalize)
{
    /// <summary>The URL of the certificate; <see langword="null"/> before the certificate is made.</summary>
    public Uri? Certificate { get; init; }

    /// <summary>When the order expires.</summary>
    public DateTimeOffset? Expires { get; init; }

    /// <summary>The profile with which the order was placed.</summary>
    public string? Profile { get; init; }

    /// <summary>Why the order failed, if the authority gives a reason.</summary>
    public AcmeProblem? Error { get; init; }

    /// <summary>How long the authority wants to be left alone before the next look.</summary>
    public TimeSpan? RetryAfter { get; init; }

    // Authorities take up to 100 names.
    private const int MaxAuthorizations = 100;

    internal static AcmeOutcome<AcmeOrder> Read(AcmeAnswer answer, AcmeTransport transport, Uri? known = null)
    {
        Uri? url = known;
        AcmeProblem? problem;
        if (url is null
            && !transport.Resolve(answer, answer.Location, "order (Location)").Succeeded(out url, out problem))
        {
            return problem;
        }

        if (!answer.Read(AcmeJson.Default.OrderJson).Succeeded(out var json, out problem)
            || !transport.Resolve(answer, json.Finalize, "finalize").Succeeded(out var finalize, out problem))
        {
            return problem;
        }

        if (StatusOf(json.Status) is not { } status)
        {
            return answer.NotAcme("an order has a status that is not known");
        }

        var authorizations = new List<Uri>();
        foreach (var text in (json.Authorizations ?? []).Take(MaxAuthorizations))
        {
            if (!transport.Resolve(answer, text, "authorization").Succeeded(out var authorization, out problem))
            {
                return problem;
            }

            authorizations.Add(authorization);
        }

        Uri? certificate = null;
        if (json.Certificate is { } place
            && !transport.Resolve(answer, place, "certificate").Succeeded(out certificate, out problem))
        {
            return problem;
        }

        return status == OrderStatus.Valid && certificate is null
            ? answer.NotAcme("a valid order has no certificate")
            : new AcmeOrder(url!, status, authorizations, finalize)
            {
                Certificate = certificate,
                Expires = json.Expires,
                Profile = json.Profile is null ? null : ReadProblem.Clean(json.Profile, 256),
                Error = json.Error is null ? null : ReadProblem.From(json.Error),
                RetryAfter = answer.RetryAfter,
            };
    }

    private static OrderStatus? StatusOf(string? text) => text switch
    {
        "pending" => OrderStatus.Pending,
        "ready" => OrderStatus.Ready,
        "processing" => OrderStatus.Processing,
        "valid" => OrderStatus.Valid,
        "invalid" => OrderStatus.Invalid,
        _ => null,
    };
}

/// <summary>An order that has just been placed.</summary>
/// <param name="Order">The order.</param>
/// <param name="IsWithoutProfile">Whether the order has no profile because the authority did not accept it.</param>
/// <param name="IsWithoutReplaces">Whether the order replaces no certificate because the certificate was replaced
/// before. Then the order counts against the limits.</param>
public sealed record PlacedOrder(AcmeOrder Order, bool IsWithoutProfile, bool IsWithoutReplaces);
