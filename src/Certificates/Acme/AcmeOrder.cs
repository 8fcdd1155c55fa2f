namespace Tracking.Certificates.Acme;

/// <summary>Where an order stands (RFC 8555 §7.1.6).</summary>
public enum OrderStatus
{
    /// <summary>Authorizations are missing.</summary>
    Pending,

    /// <summary>It can be finalized. A new order may be so at once: authorizations are used again.</summary>
    Ready,

    /// <summary>The certificate is being made.</summary>
    Processing,

    /// <summary>There is a certificate.</summary>
    Valid,

    /// <summary>It failed, or it ran out.</summary>
    Invalid,
}

/// <summary>An order as the authority has it. All of it are plain values that can be stored.</summary>
/// <param name="Url">Its address.</param>
/// <param name="Status">Where it stands.</param>
/// <param name="Authorizations">One for each name.</param>
/// <param name="Finalize">Takes the certificate request.</param>
public sealed record AcmeOrder(
    Uri Url, OrderStatus Status, IReadOnlyList<Uri> Authorizations, Uri Finalize)
{
    /// <summary>The certificate, once there is one.</summary>
    public Uri? Certificate { get; init; }

    /// <summary>Until when it can be used.</summary>
    public DateTimeOffset? Expires { get; init; }

    /// <summary>The profile that it was placed with.</summary>
    public string? Profile { get; init; }

    /// <summary>Why it failed, if the authority says so.</summary>
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
/// <param name="IsWithoutProfile">The authority did not take the profile; the order is without one.</param>
/// <param name="IsWithoutReplaces">The certificate had been replaced already; the order counts against the
/// limits.</param>
public sealed record PlacedOrder(AcmeOrder Order, bool IsWithoutProfile, bool IsWithoutReplaces);
