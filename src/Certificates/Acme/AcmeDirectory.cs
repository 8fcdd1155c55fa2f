namespace Tracking.Certificates.Acme;

/// <summary>The directory of an authority: its functions and their URLs (RFC 8555 §7.1.1).</summary>
/// <param name="NewNonce">The URL that gives nonces.</param>
/// <param name="NewAccount">The URL that registers and finds accounts.</param>
/// <param name="NewOrder">The URL that takes orders.</param>
public sealed record AcmeDirectory(Uri NewNonce, Uri NewAccount, Uri NewOrder)
{
    /// <summary>The URL that revokes certificates.</summary>
    public Uri? RevokeCertificate { get; init; }

    /// <summary>The URL that changes an account's key.</summary>
    public Uri? KeyChange { get; init; }

    /// <summary>The URL that says when to renew (RFC 9773). Not every authority has one.</summary>
    public Uri? RenewalInformation { get; init; }

    /// <summary>The page with the terms of service.</summary>
    public Uri? TermsOfService { get; init; }

    /// <summary>Whether accounts need an external account binding.</summary>
    public bool IsExternalAccountRequired { get; init; }

    /// <summary>The profiles: name and description (draft-ietf-acme-profiles).</summary>
    public IReadOnlyDictionary<string, string> Profiles { get; init; } = new Dictionary<string, string>();

    /// <summary>The names of this authority in CAA records.</summary>
    public IReadOnlyList<string> CaaIdentities { get; init; } = [];

    // Real authorities have up to five entries. A hostile authority could send a megabyte of them.
    private const int MaxListed = 64;
    private const int MaxText = 256;

    internal static AcmeOutcome<AcmeDirectory> Read(AcmeAnswer answer, AcmeTransport transport)
    {
        if (!answer.Read(AcmeJson.Default.DirectoryJson).Succeeded(out var json, out var problem)
            || !transport.Resolve(answer, json.NewNonce, "newNonce").Succeeded(out var newNonce, out problem)
            || !transport.Resolve(answer, json.NewAccount, "newAccount").Succeeded(out var newAccount, out problem)
            || !transport.Resolve(answer, json.NewOrder, "newOrder").Succeeded(out var newOrder, out problem))
        {
            return problem;
        }

        // A function may be missing. A function at another origin is a fault.
        var optional = new Uri?[3];
        foreach (var (index, text) in new[] { json.RevokeCert, json.KeyChange, json.RenewalInfo }.Index())
        {
            if (text is not null && !transport.Resolve(answer, text, "URL").Succeeded(out optional[index], out problem))
            {
                return problem;
            }
        }

        return new AcmeDirectory(newNonce, newAccount, newOrder)
        {
            RevokeCertificate = optional[0],
            KeyChange = optional[1],
            RenewalInformation = optional[2],
            TermsOfService = ReadProblem.Link(json.Meta?.TermsOfService),
            IsExternalAccountRequired = json.Meta?.ExternalAccountRequired ?? false,
            Profiles = (json.Meta?.Profiles ?? []).Take(MaxListed).ToDictionary(
                profile => profile.Key, profile => ReadProblem.Clean(profile.Value, MaxText), StringComparer.Ordinal),
            CaaIdentities =
            [
                .. (json.Meta?.CaaIdentities ?? []).OfType<string>().Take(MaxListed)
                    .Select(name => ReadProblem.Clean(name, MaxText)),
            ],
        };
    }
}
