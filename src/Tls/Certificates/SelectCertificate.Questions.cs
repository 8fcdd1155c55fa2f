using System.Security.Cryptography;
using Microsoft.Extensions.Logging;
using Tracking.Links;

namespace Tracking.Tls.Certificates;

// Questions to the sources: for certificates that are not in memory, and for those that are due to be compared with
// their source.
internal sealed partial class SelectCertificate
{
    private async ValueTask<(SelectOutcome Outcome, ServedCertificate? Certificate)> AskAndTakeAsync(
        HostName name, CancellationToken cancellationToken)
    {
        try
        {
            var asked = _asking.GetOrAdd(name, other => new Lazy<Task<KeptCertificate?>>(() => AskForAllAsync(other)));
            var kept = await asked.Value.WaitAsync(cancellationToken);
            // The certificate was replaced meanwhile. The new one is in memory.
            return kept?.Take() is { } certificate || (kept is not null && TryTakeKept(name, out certificate))
                ? (SelectOutcome.Found, certificate)
                : (_failed.Contains(name) ? SelectOutcome.Unavailable : SelectOutcome.Unknown, null);
        }
        catch (OperationCanceledException) when (!cancellationToken.IsCancellationRequested)
        {
            return (SelectOutcome.Unavailable, null);
        }
    }

    // A question that was answered meanwhile has put its answer into memory.
    private async Task<KeptCertificate?> AskForAllAsync(HostName name)
    {
        try
        {
            return _unknown.Contains(name) ? null : await AskAsync(name);
        }
        finally
        {
            _asking.TryRemove(name, out _);
        }
    }

    private async Task CheckAsync(HostName name, KeptCertificate kept)
    {
        try
        {
            await AskAsync(name);
        }
        finally
        {
            kept.EndCheck(_time.GetTimestamp());
        }
    }

    // The task does not throw for faults of a source. It ends only with the process.
    private async Task<KeptCertificate?> AskAsync(HostName name)
    {
        await _questions.WaitAsync(_ending);
        try
        {
            var question = Interlocked.Increment(ref _questionsBegun);
            var replacements = Interlocked.Read(ref _replacements);
            CertificateFound? found = null;
            foreach (var source in _sources)
            {
                found = await source.FindAsync(name, _ending);
                if (found is not null)
                {
                    break;
                }
            }

            Answered();
            _meters.LookedUp(found is null ? "unknown" : "found");
            return Keep(name, found, question, isCurrent: replacements == Interlocked.Read(ref _replacements));
        }
        catch (Exception exception) when (exception is not OperationCanceledException
            || !_ending.IsCancellationRequested)
        {
            _meters.LookedUp("failed");
            Failed(name, exception);
            return null;
        }
        finally
        {
            _questions.Release();
        }
    }

    private KeptCertificate? Keep(HostName name, CertificateFound? found, long question, bool isCurrent)
    {
        // The certificate is prepared outside the lock. A certificate that is served already is not prepared again.
        var fresh = found is null
            ? null
            : new KeptCertificate(found, question, isCurrent ? _time.GetTimestamp() : KeptCertificate.Never);
        if (fresh is not null && !(_kept.TryGetValue(found!.Name, out var same) && same.IsSame(found)))
        {
            fresh.Prepare();
            if (!fresh.IsSentAsGiven)
            {
                LogChain(found.Name);
            }
        }

        lock (_changing)
        {
            if (_ending.IsCancellationRequested)
            {
                fresh?.GiveBack();
                return null;
            }

            var place = found?.Name ?? name.Value;
            _kept.TryGetValue(place, out var old);
            if (old is not null && old.Question > question)
            {
                // A later question has been answered first.
                fresh?.GiveBack();
                return old;
            }

            if (fresh is null)
            {
                if (isCurrent)
                {
                    _unknown.Add(name, _options.RecheckAfter);
                }

                if (old is not null && _kept.TryRemove(place, out _))
                {
                    Interlocked.Increment(ref _version);
                    old.GiveBack();
                    LogGone(place);
                }

                return null;
            }

            if (old is not null && old.IsSame(fresh.Found))
            {
                fresh.GiveBack();
                old.Confirm(question, fresh.CheckedAt);
                return old;
            }

            fresh.Prepare();
            fresh.UsedAt = _time.GetTimestamp();
            _kept[place] = fresh;
            Interlocked.Increment(ref _version);
            old?.GiveBack();
            MakeRoom();
            return fresh;
        }
    }

    private void Answered()
    {
        if (Interlocked.Exchange(ref _isAway, false))
        {
            LogBack();
        }
    }

    private void Failed(HostName name, Exception exception)
    {
        _failed.Add(name, _failureLifetime);
        if (exception is CryptographicException)
        {
            LogBroken(name.Value, exception.Message);
        }
        else if (!Interlocked.Exchange(ref _isAway, true))
        {
            LogAway(exception.Message);
        }
    }

    [LoggerMessage(Level = LogLevel.Warning, Message =
        "Certificates cannot be looked up: {Reason}. Names in use are still served")]
    private partial void LogAway(string reason);

    [LoggerMessage(Level = LogLevel.Information, Message = "Certificates can be looked up again")]
    private partial void LogBack();

    [LoggerMessage(Level = LogLevel.Warning, Message =
        "The chain of {Name} is out of order, or has foreign certificates. Clients get a corrected chain")]
    private partial void LogChain(string name);

    [LoggerMessage(Level = LogLevel.Information, Message = "{Name} has no certificate any more")]
    private partial void LogGone(string name);
}
