using System.Diagnostics.Metrics;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Options;
using Microsoft.Extensions.Time.Testing;
using Tracking.Links;
using Tracking.Tls.Certificates;

namespace Tracking.Tls.Tests.Certificates;

public sealed class SelectCertificateTests : IDisposable
{
    private readonly FakeSource _source = new();
    private readonly FakeTimeProvider _clock = new(new DateTimeOffset(2026, 11, 29, 12, 0, 0, TimeSpan.Zero));
    private readonly ServiceProvider _services = new ServiceCollection().AddMetrics().BuildServiceProvider();
    private readonly TlsOptions _options = new();
    private readonly List<IServedHosts> _hosts = [];
    private SelectCertificate? _made;

    private SelectCertificate Certificates => _made ??= new(
        [_source],
        _hosts,
        Options.Create(_options),
        new TlsMeters(_services.GetRequiredService<IMeterFactory>()),
        _clock,
        NullLogger<SelectCertificate>.Instance);

    public void Dispose()
    {
        _made?.Dispose();
        _services.Dispose();
    }

    [Fact]
    public async Task A_certificate_is_asked_for_once_and_then_served_from_memory()
    {
        _source.Certificates["a.example.net"] = MadeCertificate.For("a.example.net");

        for (var i = 0; i < 10; i++)
        {
            Assert.Equal(SelectOutcome.Found, await FindAsync("a.example.net"));
        }

        Assert.Equal(1, _source.Questions);
    }

    [Fact]
    public async Task Who_asks_at_the_same_time_shares_the_question()
    {
        var gate = new TaskCompletionSource();
        _source.Gate = gate.Task;
        _source.Certificates["a.example.net"] = MadeCertificate.For("a.example.net");

        var asking = Enumerable.Range(0, 100).Select(_ => FindAsync("a.example.net")).ToList();
        gate.SetResult();

        Assert.All(await Task.WhenAll(asking), outcome => Assert.Equal(SelectOutcome.Found, outcome));
        Assert.Equal(1, _source.Questions);
    }

    [Fact]
    public async Task Of_a_hundred_thousand_unknown_names_each_costs_one_question_and_memory_stays_bounded()
    {
        for (var i = 0; i < 100_000; i++)
        {
            Assert.Equal(SelectOutcome.Unknown, await FindAsync($"www{i}.example.net"));
            Assert.Equal(SelectOutcome.Unknown, await FindAsync($"www{i / 2 * 2}.example.net"));
        }

        Assert.Equal(100_000, _source.Questions);
        Assert.InRange(Certificates.UnknownCount, 1, _options.MaxUnknownNames);
    }

    [Fact]
    public async Task A_name_that_a_directory_of_hosts_does_not_know_costs_no_question()
    {
        _hosts.Add(new Directory(name => name.Value == "a.example.net" ? HostStanding.Active : HostStanding.Unknown));
        _hosts.Add(new Directory(_ => HostStanding.Unsaid));
        _source.Certificates["a.example.net"] = MadeCertificate.For("a.example.net");

        for (var i = 0; i < 1_000; i++)
        {
            Assert.Equal(SelectOutcome.Unknown, await FindAsync($"www{i}.example.net"));
        }

        Assert.Equal(0, _source.Questions);
        Assert.Equal(SelectOutcome.Found, await FindAsync("a.example.net"));
    }

    [Fact]
    public async Task An_unknown_name_is_served_as_soon_as_its_certificate_is_announced()
    {
        Assert.Equal(SelectOutcome.Unknown, await FindAsync("a.example.net"));
        _source.Certificates["a.example.net"] = MadeCertificate.For("a.example.net");

        await Certificates.ReplaceAsync(Name("a.example.net"), CancellationToken.None);

        Assert.Equal(SelectOutcome.Found, await FindAsync("a.example.net"));
    }

    [Fact]
    public async Task An_unknown_name_is_asked_for_again_after_a_while()
    {
        Assert.Equal(SelectOutcome.Unknown, await FindAsync("a.example.net"));
        _source.Certificates["a.example.net"] = MadeCertificate.For("a.example.net");

        _clock.Advance(_options.RecheckAfter + TimeSpan.FromSeconds(1));

        Assert.Equal(SelectOutcome.Found, await FindAsync("a.example.net"));
    }

    [Fact]
    public async Task A_replaced_certificate_lives_as_long_as_a_connection_holds_it()
    {
        _source.Certificates["a.example.net"] = MadeCertificate.For("a.example.net");
        var (_, first) = await Certificates.FindAsync(Name("a.example.net"), CancellationToken.None);
        _source.Certificates["a.example.net"] = MadeCertificate.For("a.example.net");

        await Certificates.ReplaceAsync(Name("a.example.net"), CancellationToken.None);
        var (_, second) = await Certificates.FindAsync(Name("a.example.net"), CancellationToken.None);

        Assert.NotSame(first, second);
        Assert.NotEqual(IntPtr.Zero, first!.Context.TargetCertificate.Handle);
        first.GiveBack();
        Assert.Equal(IntPtr.Zero, first.Context.TargetCertificate.Handle);
        Assert.False(first.TryTake());
        Assert.NotEqual(IntPtr.Zero, second!.Context.TargetCertificate.Handle);
        second.GiveBack();
    }

    [Fact]
    public async Task The_same_certificate_again_changes_nothing()
    {
        _source.Certificates["a.example.net"] = MadeCertificate.For("a.example.net");
        var (_, first) = await Certificates.FindAsync(Name("a.example.net"), CancellationToken.None);

        await Certificates.ReplaceAsync(Name("a.example.net"), CancellationToken.None);
        var (_, second) = await Certificates.FindAsync(Name("a.example.net"), CancellationToken.None);

        Assert.Same(first, second);
    }

    [Fact]
    public async Task A_certificate_that_is_gone_is_served_no_longer()
    {
        _source.Certificates["a.example.net"] = MadeCertificate.For("a.example.net");
        Assert.Equal(SelectOutcome.Found, await FindAsync("a.example.net"));
        _source.Certificates.Clear();

        await Certificates.ReplaceAsync(Name("a.example.net"), CancellationToken.None);

        Assert.Equal(SelectOutcome.Unknown, await FindAsync("a.example.net"));
    }

    [Fact]
    public async Task What_was_served_is_served_on_while_the_source_is_away_and_other_names_cannot_be_told()
    {
        _source.Certificates["a.example.net"] = MadeCertificate.For("a.example.net");
        Assert.Equal(SelectOutcome.Found, await FindAsync("a.example.net"));
        _source.IsAway = true;

        _clock.Advance(TimeSpan.FromDays(1));
        await Certificates.ReplaceAsync(Name("a.example.net"), CancellationToken.None);

        Assert.Equal(SelectOutcome.Found, await FindAsync("a.example.net"));
        Assert.Equal(SelectOutcome.Unavailable, await FindAsync("b.example.net"));
        Assert.Equal(SelectOutcome.Unavailable, await FindAsync("b.example.net"));
        Assert.Equal(1, _source.Asked["b.example.net"]);
    }

    [Fact]
    public async Task A_restored_certificate_is_served_at_once_and_its_successor_once_the_source_has_been_asked()
    {
        var old = MadeCertificate.For("a.example.net");
        var renewed = MadeCertificate.For("a.example.net");
        var gate = new TaskCompletionSource();
        _source.Gate = gate.Task;
        _source.Certificates["a.example.net"] = renewed;

        Certificates.Restore([old]);
        Assert.Equal(SelectOutcome.Found, await FindAsync("a.example.net"));
        Assert.Same(old, Certificates.MostRecent(1).Single());
        gate.SetResult();

        await UntilAsync(() => ReferenceEquals(Certificates.MostRecent(1).Single(), renewed));
        Assert.Equal(1, _source.Questions);
    }

    [Fact]
    public async Task A_broken_certificate_does_not_take_the_place_of_a_good_one()
    {
        _source.Certificates["a.example.net"] = MadeCertificate.For("a.example.net");
        var (_, first) = await Certificates.FindAsync(Name("a.example.net"), CancellationToken.None);
        var other = MadeCertificate.For("a.example.net");
        _source.Certificates["a.example.net"] = new CertificateFound
        {
            Name = other.Name,
            Chain = other.Chain,
            PrivateKey = first!.Found.PrivateKey,
        };

        await Certificates.ReplaceAsync(Name("a.example.net"), CancellationToken.None);

        var (_, second) = await Certificates.FindAsync(Name("a.example.net"), CancellationToken.None);
        Assert.Same(first, second);
    }

    [Fact]
    public async Task A_wildcard_serves_every_name_one_label_below_it_for_one_place_in_memory()
    {
        var wildcard = MadeCertificate.For("*.example.net");
        for (var i = 0; i < 100; i++)
        {
            _source.Certificates[$"www{i}.example.net"] = wildcard;
        }

        for (var i = 0; i < 100; i++)
        {
            Assert.Equal(SelectOutcome.Found, await FindAsync($"www{i}.example.net"));
        }

        Assert.Equal(1, _source.Questions);
        Assert.Single(Certificates.MostRecent(100));
        Assert.Equal(SelectOutcome.Unknown, await FindAsync("a.www1.example.net"));
        Assert.Equal(SelectOutcome.Unknown, await FindAsync("example.net"));
    }

    [Fact]
    public async Task The_least_recently_used_give_way()
    {
        _options.MaxCertificates = 16;
        var shared = MadeCertificate.For("a.example.net");
        for (var i = 0; i < 100; i++)
        {
            _clock.Advance(TimeSpan.FromMilliseconds(1));
            _source.Certificates[$"www{i}.example.net"] = new CertificateFound
            {
                Name = $"www{i}.example.net",
                Chain = shared.Chain,
                PrivateKey = shared.PrivateKey,
            };
            Assert.Equal(SelectOutcome.Found, await FindAsync($"www{i}.example.net"));
        }

        var kept = Certificates.MostRecent(100).Select(found => found.Name).ToList();
        Assert.InRange(kept.Count, 1, 16);
        Assert.Equal("www99.example.net", kept[0]);
    }

    [Fact]
    public async Task Threads_that_find_and_replace_at_the_same_time_never_hold_what_has_been_freed()
    {
        CertificateFound[] two = [MadeCertificate.For("a.example.net"), MadeCertificate.For("a.example.net")];
        _source.Certificates["a.example.net"] = two[0];
        Assert.Equal(SelectOutcome.Found, await FindAsync("a.example.net"));

        var replacing = Task.Run(async () =>
        {
            for (var i = 1; i < 50; i++)
            {
                _source.Certificates["a.example.net"] = two[i % 2];
                await Certificates.ReplaceAsync(Name("a.example.net"), CancellationToken.None);
            }
        });
        var finding = Enumerable.Range(0, 2).Select(_ => Task.Run(async () =>
        {
            while (!replacing.IsCompleted)
            {
                var (outcome, certificate) = await Certificates.FindAsync(
                    Name("a.example.net"), CancellationToken.None);
                Assert.Equal(SelectOutcome.Found, outcome);
                Assert.NotEqual(IntPtr.Zero, certificate!.Context.TargetCertificate.Handle);
                certificate.GiveBack();
                await Task.Yield();
            }
        }));

        await Task.WhenAll([replacing, .. finding]);
    }

    private static HostName Name(string text) => HostName.TryParse(text, out var name)
        ? name
        : throw new ArgumentException(text);

    private static async Task UntilAsync(Func<bool> condition)
    {
        using var patience = new CancellationTokenSource(TimeSpan.FromSeconds(30));
        while (!condition())
        {
            patience.Token.ThrowIfCancellationRequested();
            await Task.Yield();
        }
    }

    private async Task<SelectOutcome> FindAsync(string name)
    {
        var (outcome, certificate) = await Certificates.FindAsync(Name(name), CancellationToken.None);
        certificate?.GiveBack();
        return outcome;
    }

    private sealed class Directory(Func<HostName, HostStanding> find) : IServedHosts
    {
        public HostStanding Find(HostName name) => find(name);
    }
}
