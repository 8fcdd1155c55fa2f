using System.Globalization;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Options;
using Microsoft.Extensions.Primitives;
using Tracking.Tls.Certificates;
using Tracking.Tls.Connections;

namespace Tracking.Tls.Plain;

/// <summary>
/// Sets HSTS (RFC 6797), which tells browsers to use https only and cannot be taken back. So it is set only for names
/// whose certificate has been renewed once, which proves that renewal works, and its time grows step by step. Names
/// below are never included, because they may belong to other services of the customer.
/// </summary>
internal sealed class InsistOnHttps(SelectCertificate hosts, IOptions<TlsOptions> options, TimeProvider time)
{
    private static readonly TimeSpan _firstAge = TimeSpan.FromHours(1);
    private static readonly TimeSpan _secondAge = TimeSpan.FromDays(1);

    private readonly StringValues _first = Header(Min(_firstAge, options.Value.StrictTransport));
    private readonly StringValues _second = Header(Min(_secondAge, options.Value.StrictTransport));
    private readonly StringValues _last = Header(options.Value.StrictTransport);
    private readonly bool _isUsed = options.Value.StrictTransport > TimeSpan.Zero;

    /// <summary>Sets the header if the name qualifies.</summary>
    public void Tell(HttpContext context, ClientHello hello)
    {
        if (_isUsed && context.Features.Get<ServedCertificate>()?.Found.FirstRenewedAt is { } renewed
            && hosts.StandingOf(hello.Name) == HostStanding.ActiveWithHttps)
        {
            context.Response.Headers.StrictTransportSecurity = For(time.GetUtcNow() - renewed);
        }
    }

    private StringValues For(TimeSpan sinceRenewal) =>
        sinceRenewal < TimeSpan.FromDays(1) ? _first : sinceRenewal < TimeSpan.FromDays(7) ? _second : _last;

    private static StringValues Header(TimeSpan age) =>
        string.Create(CultureInfo.InvariantCulture, $"max-age={(long)age.TotalSeconds}");

    private static TimeSpan Min(TimeSpan left, TimeSpan right) => left < right ? left : right;
}
