namespace Tracking.Certificates.Acme;

/// <summary>What an authority offers, and where (RFC 8555 §7.1.1).</summary>
/// <param name="NewNonce">Gives nonces.</param>
/// <param name="NewAccount">Makes and finds accounts.</param>
/// <param name="NewOrder">Takes orders.</param>
public sealed record AcmeDirectory(Uri NewNonce, Uri NewAccount, Uri NewOrder)
{
    /// <summary>Revokes certificates.</summary>
    public Uri? RevokeCertificate { get; init; }

    /// <summary>Changes an account's key.</summary>
    public Uri? KeyChange { get; init; }

    /// <summary>Says when to renew (RFC 9773); not every authority does.</summary>
    public Uri? RenewalInformation { get; init; }

    /// <summary>The terms of service, for people.</summary>
    public Uri? TermsOfService { get; init; }

    /// <summary>Whether accounts need an external account binding.</summary>
    public bool IsExternalAccountRequired { get; init; }

    /// <summary>Names of profiles and what they are (draft-ietf-acme-profiles).</summary>
    public IReadOnlyDictionary<string, string> Profiles { get; init; } = new Dictionary<string, string>();

    /// <summary>Names by which CAA records allow this authority.</summary>
    public IReadOnlyList<string> CaaIdentities { get; init; } = [];

    // Authorities have up to five of each; a hostile one may have a megabyte of them.
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

        // What is not offered is no fault; what is offered elsewhere is.
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
