using System.Globalization;
using KlingPS.Core.Api;
using KlingPS.Core.Files;
using KlingPS.Core.Model;
using KlingPS.Core.Saving;
using KlingPS.Core.Sessions;
using KlingPS.Core.Submitting;

namespace KlingPS.Core.Converting;

/// <summary>
/// The videos in a destination whose sidecars say what they were made from. They are evidence of purchases that this ledger does not
/// know, because they were made with another one.
/// </summary>
internal sealed class DestinationVideos(KlingService service, SaveOptions options, OutputPathResolver paths)
{
    private readonly string _service = ServiceAddress.From(service.Session.Endpoints.Api);
    private readonly bool _isLocal = service.Session.Endpoints.Api.IsLoopback;
    private readonly object _lock = new();
    private Task<ILookup<string, FoundVideo>>? _found;
    private int _hasTold;

    /// <summary>A video that was made from the same files with the same settings, at the same service.</summary>
    /// <param name="identified">The requested video.</param>
    /// <param name="cancellationToken">Ends the search.</param>
    /// <returns>Its task, going by the sidecar; <see langword="null"/> if there is none.</returns>
    public async Task<KlingVideoTask?> FindAsync(IdentifiedSubmission identified, CancellationToken cancellationToken)
    {
        ILookup<string, FoundVideo> there = await ReadOnceAsync(cancellationToken).ConfigureAwait(false);
        foreach (FoundVideo found in there.Count == 0 ? [] : identified.Submission.Spec.ListIdentities().SelectMany(identity => there[identity]))
        {
            if (await service.Hashes.MatchAsync(found.Path, found.Sidecar.Video.Sha256, cancellationToken).ConfigureAwait(false))
            {
                Tell(identified.Submission, found);
                return new KlingVideoTask
                {
                    Id = found.Sidecar.Id,
                    TaskId = found.Sidecar.TaskId,
                    TaskState = KlingTaskState.Succeeded,
                    Spec = identified.Submission.Spec,
                    Identity = identified.Identity,
                    CreatedAt = found.Sidecar.CreatedAt,
                    CompletedAt = found.Sidecar.CompletedAt,
                    CreditsConsumed = found.Sidecar.Credits,
                    SavedPath = found.Path,
                    SavedHash = found.Sidecar.Video.Sha256,
                };
            }
        }

        return null;
    }

    private void Tell(Submission submission, FoundVideo found)
    {
        string date = found.Sidecar.CreatedAt.ToLocalTime().ToString("yyyy-MM-dd", CultureInfo.InvariantCulture);
        string text = $"'{found.Path}' is the video of '{submission.Subject}' by its sidecar, bought on {date} with another ledger than '{service.Session.Ledger.Location}'. It is used; nothing is bought for it.";
        if (Interlocked.Exchange(ref _hasTold, 1) == 0)
        {
            service.Observer?.OnWarning($"{text} The same goes for other videos of this run; -Verbose names each. To buy them again, use -AllowRepurchase.");
        }
        else
        {
            service.Observer?.OnNotice(text);
        }
    }

    private Task<ILookup<string, FoundVideo>> ReadOnceAsync(CancellationToken cancellationToken)
    {
        lock (_lock)
        {
            if (_found is null or { IsCanceled: true } or { IsFaulted: true })
            {
                _found = Task.Run(() => ReadAsync(cancellationToken), cancellationToken);
            }

            return _found;
        }
    }

    private async Task<ILookup<string, FoundVideo>> ReadAsync(CancellationToken cancellationToken)
    {
        var found = new List<(string Identity, FoundVideo Video)>();
        Place destination = Place.Of(options.Destination);
        var isInside = new Dictionary<string, bool>(StringComparer.Ordinal);
        string[] there = [.. ListSidecars().Where(IsInside).Select(path => path[..^Sidecar.Extension.Length]).Where(File.Exists)];

        // Videos that this ledger has saved are found by its records.
        foreach (string video in await paths.ListUnrecordedAsync(there, cancellationToken).ConfigureAwait(false))
        {
            cancellationToken.ThrowIfCancellationRequested();
            if (Sidecar.TryRead(Sidecar.PathOf(video)) is Sidecar sidecar
                && IsOfService(sidecar)
                && sidecar.FindIdentity() is string identity)
            {
                found.Add((identity, new FoundVideo(video, sidecar)));
            }
        }

        return found.ToLookup(one => one.Identity, one => one.Video);

        // A link may lead out of the destination, and this run saves nothing there either.
        bool IsInside(string path)
        {
            string folder = Path.GetDirectoryName(path)!;
            if (!isInside.TryGetValue(folder, out bool known))
            {
                isInside.Add(folder, known = Place.Of(folder).IsWithin(destination));
            }

            return known;
        }
    }

    /// <summary>No deeper than the names of this run go: the destination may be the root of a whole tree.</summary>
    private string[] ListSidecars()
    {
        int depth = options.Template.Depth;
        try
        {
            return Directory.GetFiles(options.Destination, "*" + Sidecar.Extension, new EnumerationOptions
            {
                RecurseSubdirectories = depth > 0,
                MaxRecursionDepth = depth,
                IgnoreInaccessible = true,
                AttributesToSkip = FileAttributes.None,
            });
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            // There is no such folder yet, or it cannot be listed.
            return [];
        }
    }

    /// <summary>
    /// A clip of a sandbox is not a video of the service. Sidecars that name a service say where they come from, and an account may be known
    /// at several addresses.
    /// </summary>
    private bool IsOfService(Sidecar sidecar) => sidecar.Service is string named
        ? named == _service || service.Session.Standing.Services.Contains(named)
        : !ServiceAddress.IsLocal(sidecar.Source.Uri) && !_isLocal;

    /// <param name="Path">The full path of the video.</param>
    /// <param name="Sidecar">What it was made from.</param>
    private sealed record FoundVideo(string Path, Sidecar Sidecar);
}
