using System.Diagnostics;
using System.Globalization;
using System.IO.Compression;
using System.Net;
using System.Net.Http.Headers;
using System.Security.Cryptography;
using CsCheck;
using KlingPS.Core.Api;
using KlingPS.Core.Files;
using KlingPS.Core.Saving;
using KlingPS.Core.Sessions;

namespace KlingPS.Core.Tests.Saving;

public sealed class VideoDownloaderTests : IDisposable
{
    private const int Size = 400_000;
    private static readonly Uri s_link = new("https://files.example/video.mp4?signature=hidden");

    private readonly string _folder = Directory.CreateTempSubdirectory("klingps-").FullName;
    private readonly byte[] _video = TestMp4.Create(Size);
    private readonly EagerTimeProvider _time = new();
    private readonly VideoServer _server;
    private VideoDownloaderOptions _options = new();
    private KlingEndpoints _endpoints = KlingEndpoints.Default;

    public VideoDownloaderTests() => _server = new VideoServer(_video);

    private string Target => Path.Combine(_folder, "new", "fox.mp4");

    private string Partial => Target + ".partial";

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    /// <summary>Waits are over at once on this clock, so that any number of hours may pass during a download: it has no time limit, unless one is given.</summary>
    private VideoDownloader Downloader(HttpMessageHandler? handler = null, TimeSpan? idleTimeout = null) =>
        new(handler ?? _server, _endpoints.Addresses, _time, _options with { IdleTimeout = idleTimeout ?? Timeout.InfiniteTimeSpan });

    private Task<DownloadedVideo> DownloadAsync(
        Func<CancellationToken, Task<Uri?>>? renew = null,
        bool overwrite = false,
        Action<TransferProgress>? progress = null,
        string? identity = null,
        Uri? link = null,
        TimeSpan? idleTimeout = null,
        CancellationToken cancellationToken = default) =>
        DownloadAsync(Downloader(idleTimeout: idleTimeout), _time, Target, overwrite, identity, link ?? s_link, renew, progress ?? (_ => { }), cancellationToken);

    /// <summary>Downloads into a partial file and gives it its name, in the steps in which a video is saved.</summary>
    private static async Task<DownloadedVideo> DownloadAsync(
        VideoDownloader downloader,
        TimeProvider time,
        string target,
        bool overwrite,
        string? identity,
        Uri link,
        Func<CancellationToken, Task<Uri?>>? renew,
        Action<TransferProgress> progress,
        CancellationToken cancellationToken)
    {
        using PartialFile file = await PartialFile.OpenAsync(target, identity ?? link.AbsoluteUri, RequireFreeAsync, time, cancellationToken);
        await downloader.DownloadAsync(file, link, renew, new Immediate(progress), turn: null, () => false, cancellationToken);
        var video = new DownloadedVideo(target, file.Length, await file.SealAsync());
        await RequireFreeAsync();
        file.Publish(overwrite);
        return video;

        Task RequireFreeAsync() => overwrite || !File.Exists(target) ? Task.CompletedTask : throw PartialFile.CreateExistsException(target);
    }

    private static async Task<KlingException> AssertFailsAsync(ErrorKind kind, Func<Task<DownloadedVideo>> download)
    {
        KlingException e = await Assert.ThrowsAsync<KlingException>(download);
        Assert.Equal(kind, e.Kind);
        Assert.DoesNotContain("hidden", e.Message);
        return e;
    }

    private void AssertWhole(DownloadedVideo video, byte[]? expected = null)
    {
        expected ??= _video;
        Assert.Equal(Target, video.Path);
        Assert.Equal(expected.Length, video.Length);
        Assert.Equal(Convert.ToHexString(SHA256.HashData(expected)).ToLowerInvariant(), video.Sha256);
        Assert.True(File.ReadAllBytes(Target).AsSpan().SequenceEqual(expected));
        Assert.Equal([Target], Directory.GetFiles(Path.GetDirectoryName(Target)!));
    }

    private async Task LeavePartAsync(long bytes, string? identity = null)
    {
        using var kill = new CancellationTokenSource();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => DownloadAsync(
            identity: identity,
            progress: p =>
            {
                if (p.BytesDone >= bytes)
                {
                    kill.Cancel();
                }
            },
            cancellationToken: kill.Token));
        Assert.InRange(new FileInfo(Partial).Length, bytes, _video.Length);
        _server.Requests.Clear();
    }

    [Fact]
    public async Task A_video_is_downloaded_whole_and_has_its_name_only_then()
    {
        var seen = new List<TransferProgress>();
        DownloadedVideo video = await DownloadAsync(progress: p =>
        {
            Assert.False(File.Exists(Target));
            seen.Add(p);
        });
        AssertWhole(video);
        Assert.Null(Assert.Single(_server.Requests).Headers.Range);
        Assert.Equal(new TransferProgress(_video.Length, _video.Length), seen[^1]);
        Assert.Equal(seen.OrderBy(p => p.BytesDone), seen);
    }

    [Fact]
    public async Task A_request_looks_ordinary_and_carries_no_key()
    {
        await DownloadAsync();
        HttpRequestHeaders headers = Assert.Single(_server.Requests).Headers;
        Assert.Matches(@"^Mozilla/5\.0 \(compatible; KlingPS/\d+\.\d+\.\d+\)$", headers.UserAgent.ToString());
        Assert.Equal("identity", headers.AcceptEncoding.ToString());
        Assert.Equal(["Accept-Encoding", "User-Agent"], headers.Select(h => h.Key).Order());
    }

    [Fact]
    public async Task Three_broken_connections_cost_only_what_was_on_its_way()
    {
        _server.Cuts.Enqueue(_video.Length * 4 / 10);
        _server.Cuts.Enqueue(100_000);
        _server.Cuts.Enqueue(50_000);
        DownloadedVideo video = await DownloadAsync(progress: _ => Assert.False(File.Exists(Target)));
        AssertWhole(video);
        Assert.Equal([null, 160_052L, 260_052, 310_052], _server.Requests.Select(r => r.Headers.Range?.Ranges.Single().From));
        Assert.All(_server.Requests.Skip(1), r => Assert.Equal("\"v1\"", r.Headers.IfRange!.EntityTag!.Tag));
    }

    [Fact]
    public async Task A_killed_download_is_continued_by_the_next_process()
    {
        await LeavePartAsync(150_000);
        DownloadedVideo video = await DownloadAsync();
        AssertWhole(video);
        Assert.NotNull(Assert.Single(_server.Requests).Headers.Range);
    }

    [Fact]
    public async Task A_download_killed_between_its_last_byte_and_its_name_needs_no_request()
    {
        await LeavePartAsync(_video.Length);
        AssertWhole(await DownloadAsync());
        Assert.Empty(_server.Requests);
    }

    [Fact]
    public async Task A_date_serves_where_there_is_no_strong_tag()
    {
        _server.EntityTag = "W/\"weak\"";
        _server.LastModified = new DateTimeOffset(2026, 10, 1, 8, 0, 0, TimeSpan.Zero);
        _server.Cuts.Enqueue(100_000);
        AssertWhole(await DownloadAsync());
        Assert.Equal(_server.LastModified, _server.Requests[1].Headers.IfRange!.Date);
        Assert.Equal(100_000, _server.Requests[1].Headers.Range!.Ranges.Single().From);
    }

    [Fact]
    public async Task Without_a_tag_or_a_date_it_starts_over()
    {
        _server.EntityTag = null;
        _server.Cuts.Enqueue(100_000);
        DownloadedVideo video = await DownloadAsync();
        AssertWhole(video);
        Assert.All(_server.Requests, r => Assert.Null(r.Headers.Range));
    }

    [Fact]
    public async Task A_video_that_changed_meanwhile_starts_over()
    {
        await LeavePartAsync(150_000);
        _server.Content = TestMp4.Create(Size, seed: 2);
        _server.EntityTag = "\"v2\"";
        DownloadedVideo video = await DownloadAsync();
        AssertWhole(video, _server.Content);
    }

    [Fact]
    public async Task A_server_that_sends_the_rest_of_something_else_is_seen_through()
    {
        await LeavePartAsync(150_000);
        _server.Content = TestMp4.Create(Size, seed: 2);
        _server.EntityTag = "\"v2\"";
        _server.HonoursIfRange = false;
        AssertWhole(await DownloadAsync(), _server.Content);
    }

    [Fact]
    public async Task A_server_that_sends_the_rest_of_something_else_and_does_not_say_so_is_seen_through()
    {
        await LeavePartAsync(150_000);
        _server.Content = TestMp4.Create(Size, seed: 2);
        _server.EntityTag = null;
        _server.HonoursIfRange = false;
        AssertWhole(await DownloadAsync(), _server.Content);
    }

    [Theory]
    [InlineData("gzip")]
    [InlineData("X-GZip")]
    [InlineData("br")]
    [InlineData("deflate")]
    [InlineData("deflate, gzip")]
    [InlineData("aws-chunked")]
    [InlineData("identity")]
    public async Task A_video_that_is_packed_on_the_way_although_that_was_not_wanted_is_whole_on_disk(string codings)
    {
        _server.Script.Enqueue(_ => Packed(_video, codings, isCut: true));
        _server.Script.Enqueue(_ => Packed(_video, codings));
        AssertWhole(await DownloadAsync());
        Assert.Equal(2, _server.Requests.Count);
        Assert.Null(_server.Requests[1].Headers.Range);
    }

    [Theory]
    [InlineData("gzip")]
    [InlineData("br")]
    [InlineData("deflate")]
    public async Task A_video_that_is_only_said_to_be_packed_is_taken_as_it_is(string coding)
    {
        _server.Script.Enqueue(request =>
        {
            HttpResponseMessage response = _server.Serve(request);
            response.Content.Headers.ContentEncoding.Add(coding);
            return response;
        });
        AssertWhole(await DownloadAsync());
        Assert.Single(_server.Requests);
    }

    [Theory]
    [InlineData("gzip")]
    [InlineData("br")]
    [InlineData("deflate")]
    public async Task A_packed_video_that_was_damaged_on_the_way_is_fetched_again(string coding)
    {
        _server.Script.Enqueue(_ => Packed(_video, coding, damage: true));
        AssertWhole(await DownloadAsync());
        Assert.Equal(2, _server.Requests.Count);
        _server.Intercept = _ => Packed(_video, coding, damage: true);
        KlingException e = await AssertFailsAsync(ErrorKind.ServiceUnavailable, () => DownloadAsync(overwrite: true));
        Assert.Contains("what came is packed, and is damaged", e.Message);
    }

    [Fact]
    public async Task A_packed_download_that_unpacks_without_end_is_broken_off()
    {
        _options = _options with { MaxLength = 1_000_000 };
        _server.Intercept = _ => Packed(new byte[2_000_000], "gzip");
        KlingException e = await AssertFailsAsync(ErrorKind.AnswerInvalid, () => DownloadAsync());
        Assert.Contains("larger than any video", e.Message);
        Assert.Empty(Directory.GetFiles(Path.GetDirectoryName(Target)!));
    }

    private static HttpResponseMessage Packed(byte[] content, string codings, bool isCut = false, bool damage = false)
    {
        byte[] packed = content;
        foreach (string coding in codings.Split(", "))
        {
            using var result = new MemoryStream();
            using (Stream packing = coding.ToUpperInvariant() switch
            {
                "GZIP" or "X-GZIP" => new GZipStream(result, CompressionLevel.Fastest, leaveOpen: true),
                "BR" => new BrotliStream(result, CompressionLevel.Fastest, leaveOpen: true),
                "DEFLATE" => new ZLibStream(result, CompressionLevel.Fastest, leaveOpen: true),
                _ => new BufferedStream(new MemoryStream()),
            })
            {
                packing.Write(packed);
            }

            packed = result.Length == 0 ? packed : result.ToArray();
        }

        if (damage)
        {
            Array.Fill(packed, (byte)0xFF, 0, packed.Length / 4);
        }

        var response = new HttpResponseMessage { Content = new ByteArrayContent(isCut ? packed[..(packed.Length / 2)] : packed) };
        response.Headers.ETag = new EntityTagHeaderValue("\"packed\"");
        Array.ForEach(codings.Split(", "), response.Content.Headers.ContentEncoding.Add);
        return response;
    }

    [Fact]
    public async Task A_server_that_calls_the_whole_video_a_part_is_believed()
    {
        Assert.Equal(400_132, _video.Length);
        HttpResponseMessage ServePart(HttpRequestMessage request, long to)
        {
            request.Headers.Range = null;
            HttpResponseMessage response = _server.Serve(request);
            response.StatusCode = HttpStatusCode.PartialContent;
            response.Content.Headers.ContentRange = new ContentRangeHeaderValue(0, to, _video.Length);
            return response;
        }

        _server.Script.Enqueue(request => ServePart(request, _video.Length - 2));
        _server.Script.Enqueue(request =>
        {
            _server.Cuts.Enqueue(100_000);
            return ServePart(request, _video.Length - 1);
        });
        AssertWhole(await DownloadAsync());
        Assert.Equal(3, _server.Requests.Count);
        Assert.Equal(100_000, _server.Requests[2].Headers.Range!.Ranges.Single().From);
    }

    [Theory]
    [InlineData(0, 400_131, 400_132)]
    [InlineData(150_001, 400_131, 400_132)]
    [InlineData(100_000, 400_131, 400_133)]
    public async Task A_part_that_does_not_fit_is_not_taken(long from, long to, long total)
    {
        _server.Cuts.Enqueue(100_000);
        _server.Script.Enqueue(_ => null);
        _server.Script.Enqueue(request =>
        {
            HttpResponseMessage response = _server.Serve(request);
            response.Content.Headers.ContentRange = new ContentRangeHeaderValue(from, to, total);
            return response;
        });
        AssertWhole(await DownloadAsync());
        Assert.Null(_server.Requests[2].Headers.Range);
    }

    [Fact]
    public async Task A_server_without_ranges_is_started_over_with_until_it_comes_through()
    {
        _server.HasRanges = false;
        _server.Cuts.Enqueue(300_000);
        _server.Cuts.Enqueue(100_000);
        DownloadedVideo video = await DownloadAsync();
        AssertWhole(video);
    }

    [Fact]
    public async Task Connections_that_bring_nothing_new_come_to_an_end_and_what_is_there_stays()
    {
        _server.Cuts.Enqueue(100_000);
        for (int i = 0; i < 20; i++)
        {
            _server.Cuts.Enqueue(0);
        }

        KlingException e = await AssertFailsAsync(ErrorKind.ServiceUnavailable, () => DownloadAsync());
        Assert.Contains("The video is paid for", e.Advice, StringComparison.Ordinal);
        Assert.Contains("Get-KlingVideoTask -Unsaved | Save-KlingVideo", e.Advice, StringComparison.Ordinal);
        Assert.Contains("100,000 of 400,132 bytes", e.Message);
        Assert.Contains(Target, e.Message);
        Assert.Equal(6, _server.Requests.Count);
        Assert.False(File.Exists(Target));

        _server.Cuts.Clear();
        DownloadedVideo video = await DownloadAsync();
        AssertWhole(video);
        Assert.NotNull(_server.Requests[^1].Headers.Range);
    }

    [Fact]
    public async Task Connections_that_always_break_at_the_same_place_come_to_an_end()
    {
        _server.HasRanges = false;
        for (int i = 0; i < 100; i++)
        {
            _server.Cuts.Enqueue(160_000);
        }

        await AssertFailsAsync(ErrorKind.ServiceUnavailable, () => DownloadAsync());
        Assert.InRange(_server.Requests.Count, 5, 7);
    }

    [Theory]
    [InlineData(408)]
    [InlineData(429)]
    [InlineData(500)]
    [InlineData(503)]
    public async Task A_server_that_is_busy_is_asked_again_when_it_said_so(int status)
    {
        _server.Script.Enqueue(_ => VideoServer.ApiResponse((HttpStatusCode)status, retryAfter: TimeSpan.FromSeconds(100)));
        AssertWhole(await DownloadAsync());
        Assert.InRange(Assert.Single(_time.Waits).TotalSeconds, 100, 105);
    }

    [Fact]
    public async Task A_connection_that_falls_silent_counts_as_broken()
    {
        var silent = new SilentStream();
        _server.Script.Enqueue(request =>
        {
            HttpResponseMessage response = _server.Serve(request);
            response.Content = new StreamContent(silent);
            return response;
        });
        Task<DownloadedVideo> download = DownloadAsync(idleTimeout: TimeSpan.FromHours(1));
        await Eventually.DoneAsync(silent.Asked.Task);
        _time.Advance(TimeSpan.FromMinutes(59));
        Assert.False(download.IsCompleted);
        Assert.Single(_server.Requests);
        _time.Advance(TimeSpan.FromMinutes(1));
        AssertWhole(await download);
    }

    [Fact]
    public async Task A_server_that_sends_a_few_bytes_now_and_then_is_left_for_another_connection_that_continues()
    {
        _server.Script.Enqueue(Trickle(bytes: 100, TimeSpan.FromSeconds(1)));

        AssertWhole(await DownloadAsync());

        Assert.Equal(2, _server.Requests.Count);
        Assert.Equal(2000, _server.Requests[1].Headers.Range!.Ranges.Single().From);
        Assert.NotNull(_server.Requests[1].Headers.IfRange);
    }

    [Fact]
    public async Task A_server_that_only_trickles_is_given_up_and_the_next_run_continues()
    {
        for (int i = 0; i < 20; i++)
        {
            _server.Script.Enqueue(Trickle(bytes: 100, TimeSpan.FromSeconds(1)));
        }

        KlingException error = await AssertFailsAsync(ErrorKind.ServiceUnavailable, () => DownloadAsync());

        Assert.Equal(5, _server.Requests.Count);
        Assert.Contains("less than 4 KB a second came through for 20 s. 10,000 of ", error.Message, StringComparison.Ordinal);
        _server.Script.Clear();
        AssertWhole(await DownloadAsync());
        Assert.Equal(10_000, _server.Requests[^1].Headers.Range!.Ranges.Single().From);
    }

    [Fact]
    public async Task A_server_that_breaks_off_after_every_few_bytes_is_given_up()
    {
        for (int i = 0; i < 1000; i++)
        {
            _server.Cuts.Enqueue(50);
        }

        await AssertFailsAsync(ErrorKind.ServiceUnavailable, () => DownloadAsync());

        Assert.InRange(_server.Requests.Count, 5, 7);
    }

    [Fact]
    public async Task A_slow_line_is_no_trickle()
    {
        _server.Script.Enqueue(Trickle(bytes: 900, TimeSpan.FromSeconds(0.1)));

        AssertWhole(await DownloadAsync());

        Assert.Single(_server.Requests);
    }

    /// <summary>The file, in small pieces with a pause before each.</summary>
    private Func<HttpRequestMessage, HttpResponseMessage?> Trickle(int bytes, TimeSpan pause) => request =>
    {
        HttpResponseMessage response = _server.Serve(request);
        HttpContent whole = response.Content;
        response.Content = new StreamContent(new TrickleStream(whole.ReadAsStream(), bytes, () => _time.Advance(pause)));
        response.Content.Headers.ContentLength = whole.Headers.ContentLength;
        response.Content.Headers.ContentRange = whole.Headers.ContentRange;
        response.Content.Headers.LastModified = whole.Headers.LastModified;
        return response;
    };

    [Fact]
    public async Task A_download_whose_session_is_ended_says_to_connect_again_and_goes_on_then()
    {
        await LeavePartAsync(100_000);
        _server.Script.Enqueue(_ => throw new ObjectDisposedException(nameof(HttpMessageHandler)));

        KlingException ended = await AssertFailsAsync(ErrorKind.ApiKeyMissing, () => DownloadAsync());

        Assert.Contains("connect again", ended.Message, StringComparison.Ordinal);
        Assert.Contains("Get-KlingVideoTask -Unsaved | Save-KlingVideo", ended.Message, StringComparison.Ordinal);
        AssertWhole(await DownloadAsync());
    }

    [Fact]
    public async Task An_announced_length_that_is_too_short_is_no_video()
    {
        Func<HttpRequestMessage, HttpResponseMessage?> lie = request =>
        {
            HttpResponseMessage response = _server.Serve(request);
            response.Content.Headers.ContentLength = _video.Length - 1_000;
            return response;
        };
        _server.Script.Enqueue(lie);
        _server.Script.Enqueue(lie);
        await AssertFailsAsync(ErrorKind.DownloadIncomplete, () => DownloadAsync());
        Assert.Empty(Directory.GetFiles(Path.GetDirectoryName(Target)!));
    }

    [Fact]
    public async Task An_announced_length_that_is_too_long_is_no_video()
    {
        for (int i = 0; i < 20; i++)
        {
            _server.Script.Enqueue(request =>
            {
                HttpResponseMessage response = _server.Serve(request);
                response.Content.Headers.ContentLength += 1_000;
                return response;
            });
        }

        await AssertFailsAsync(ErrorKind.DownloadIncomplete, () => DownloadAsync());
        Assert.False(File.Exists(Target));
    }

    [Fact]
    public async Task A_body_without_a_length_is_taken_to_its_end()
    {
        _server.AnnouncesLength = false;
        AssertWhole(await DownloadAsync());
    }

    [Theory]
    [InlineData("<!DOCTYPE html><html><body>Just a moment...</body></html>")]
    [InlineData("{\"code\":500}")]
    [InlineData("")]
    public async Task A_page_in_place_of_the_video_is_no_video(string page)
    {
        _server.Content = System.Text.Encoding.UTF8.GetBytes(page);
        await AssertFailsAsync(ErrorKind.DownloadIncomplete, () => DownloadAsync());
        Assert.Equal(2, _server.Requests.Count);
        Assert.Empty(Directory.GetFiles(Path.GetDirectoryName(Target)!));
    }

    [Fact]
    public async Task A_page_that_comes_once_costs_one_fresh_start()
    {
        _server.Script.Enqueue(_ => new HttpResponseMessage { Content = new StringContent("<html></html>") });
        AssertWhole(await DownloadAsync());
    }

    [Fact]
    public async Task A_full_length_says_nothing_when_the_boxes_do_not_fit()
    {
        _server.Content = [.. _video[..^5_000], .. TestMp4.Box("free", new byte[10]), 1, 2, 3];
        await AssertFailsAsync(ErrorKind.DownloadIncomplete, () => DownloadAsync());
    }

    [Theory]
    [InlineData(403)]
    [InlineData(404)]
    [InlineData(410)]
    public async Task An_expired_link_is_renewed_and_the_download_goes_on(int status)
    {
        _server.Cuts.Enqueue(100_000);
        _server.Script.Enqueue(_ => null);
        _server.Script.Enqueue(_ => VideoServer.ApiResponse((HttpStatusCode)status));
        Uri fresh = new("https://other.example/fresh");
        DownloadedVideo video = await DownloadAsync(renew: _ => Task.FromResult<Uri?>(fresh));
        AssertWhole(video);
        Assert.Equal(fresh, _server.Requests[2].RequestUri);
        Assert.NotNull(_server.Requests[2].Headers.Range);
    }

    [Fact]
    public async Task An_expired_link_is_renewed_once_then_it_is_an_error()
    {
        int renewals = 0;
        for (int i = 0; i < 5; i++)
        {
            _server.Script.Enqueue(_ => VideoServer.ApiResponse(HttpStatusCode.Forbidden));
        }

        await AssertFailsAsync(ErrorKind.LinkExpired, () => DownloadAsync(renew: _ =>
        {
            renewals++;
            return Task.FromResult<Uri?>(s_link);
        }));
        Assert.Equal(1, renewals);
        Assert.Empty(Directory.GetFiles(Path.GetDirectoryName(Target)!));
    }

    [Theory]
    [InlineData("unreachable")]
    [InlineData("unavailable")]
    [InlineData("a web page")]
    [InlineData("refused")]
    [InlineData("redirected to nowhere")]
    public async Task A_link_that_brings_no_video_is_asked_for_again_before_it_is_given_up(string wrong)
    {
        var fresh = new Uri("https://files.example/fresh.mp4");
        _server.Script.Enqueue(request => wrong switch
        {
            "unreachable" => throw new HttpRequestException("no connection was made"),
            "unavailable" => VideoServer.ApiResponse(HttpStatusCode.BadGateway),
            "refused" => VideoServer.ApiResponse(HttpStatusCode.Unauthorized),
            "redirected to nowhere" => VideoServer.ApiResponse(HttpStatusCode.Found),
            _ => new HttpResponseMessage(HttpStatusCode.OK) { Content = new StringContent("<html><title>Sign in</title></html>"), RequestMessage = request },
        });
        int renewals = 0;
        AssertWhole(await DownloadAsync(renew: _ =>
        {
            renewals++;
            return Task.FromResult<Uri?>(fresh);
        }));
        Assert.Equal(1, renewals);
        Assert.Equal([s_link, fresh], _server.Requests.Select(request => request.RequestUri));
    }

    [Fact]
    public async Task A_link_that_brings_nothing_is_tried_on_while_the_service_cannot_be_asked_for_another()
    {
        int renewals = 0;
        _server.Script.Enqueue(_ => VideoServer.ApiResponse(HttpStatusCode.BadGateway));
        AssertWhole(await DownloadAsync(renew: _ =>
        {
            renewals++;
            throw new KlingException(ErrorKind.ServiceUnavailable, "The service was not reached.");
        }));
        Assert.Equal(1, renewals);
        Assert.All(_server.Requests, request => Assert.Equal(s_link, request.RequestUri));
    }

    [Fact]
    public async Task An_expired_link_that_nobody_can_renew_is_an_error()
    {
        _server.Script.Enqueue(_ => VideoServer.ApiResponse(HttpStatusCode.Gone));
        await AssertFailsAsync(ErrorKind.LinkExpired, () => DownloadAsync());
        _server.Script.Enqueue(_ => VideoServer.ApiResponse(HttpStatusCode.Gone));
        await AssertFailsAsync(ErrorKind.LinkExpired, () => DownloadAsync(renew: _ => Task.FromResult<Uri?>(null)));
    }

    [Fact]
    public async Task An_answer_that_makes_no_sense_is_not_asked_for_again()
    {
        _server.Script.Enqueue(_ => VideoServer.ApiResponse(HttpStatusCode.BadRequest));
        await AssertFailsAsync(ErrorKind.AnswerInvalid, () => DownloadAsync());
        Assert.Single(_server.Requests);
    }

    [Fact]
    public async Task Redirects_are_followed_also_relative_ones()
    {
        _server.Script.Enqueue(_ => VideoServer.ApiResponse(HttpStatusCode.Found, "https://cdn.example/a"));
        _server.Script.Enqueue(_ => VideoServer.ApiResponse(HttpStatusCode.PermanentRedirect, "/b"));
        AssertWhole(await DownloadAsync());
        Assert.Equal(["https://files.example/video.mp4?signature=hidden", "https://cdn.example/a", "https://cdn.example/b"], _server.Requests.Select(r => r.RequestUri!.ToString()));
        Assert.All(_server.Requests, r => Assert.Null(r.Headers.Authorization));
    }

    [Theory]
    [InlineData("http://cdn.example/a")]
    [InlineData("ftp://cdn.example/a")]
    [InlineData("file:///etc/passwd")]
    public async Task A_redirect_to_anything_but_https_is_not_followed(string location)
    {
        _server.Script.Enqueue(_ => VideoServer.ApiResponse(HttpStatusCode.Found, location));
        await AssertFailsAsync(ErrorKind.AnswerInvalid, () => DownloadAsync());
        Assert.Single(_server.Requests);
    }

    [Fact]
    public async Task A_redirect_that_leads_nowhere_says_that_the_video_is_not_lost()
    {
        _server.Script.Enqueue(_ => VideoServer.ApiResponse(HttpStatusCode.Found));

        KlingException error = await Assert.ThrowsAsync<KlingException>(() => DownloadAsync());

        Assert.Equal(ErrorKind.AnswerInvalid, error.Kind);
        Assert.Contains("leads nowhere: the server answered 302, which is a redirect, and does not say where to. Nothing is downloaded from there. The video is paid for", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Redirects_in_a_circle_come_to_an_end()
    {
        for (int i = 0; i < 20; i++)
        {
            _server.Script.Enqueue(_ => VideoServer.ApiResponse(HttpStatusCode.Found, "/again"));
        }

        await AssertFailsAsync(ErrorKind.AnswerInvalid, () => DownloadAsync());
        Assert.Equal(11, _server.Requests.Count);
    }

    [Fact]
    public async Task Plain_http_is_for_loopback_only_and_only_where_the_service_is_there()
    {
        await AssertFailsAsync(ErrorKind.AnswerInvalid, () => DownloadAsync(link: new Uri("http://files.example/a")));
        await AssertFailsAsync(ErrorKind.AnswerInvalid, () => DownloadAsync(link: new Uri("http://127.0.0.1:8080/a")));
        Assert.Empty(_server.Requests);
        _endpoints = new KlingEndpoints(new Uri("http://localhost:5000"), new Uri("http://localhost:5000"));
        AssertWhole(await DownloadAsync(link: new Uri("http://127.0.0.1:8080/a")));
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task A_download_that_is_larger_than_any_video_is_broken_off_and_nothing_of_it_is_kept(bool announcesLength)
    {
        _options = _options with { MaxLength = Size / 2 };
        _server.AnnouncesLength = announcesLength;

        KlingException error = await AssertFailsAsync(ErrorKind.AnswerInvalid, () => DownloadAsync());

        Assert.Contains("leads to more than 200,000 bytes, which is larger than any video. Nothing is downloaded from there", error.Message, StringComparison.Ordinal);
        Assert.Single(_server.Requests);
        Assert.Empty(Directory.GetFiles(Path.GetDirectoryName(Target)!));
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task A_link_that_delivers_more_than_any_video_has_is_renewed(bool announcesLength)
    {
        _server.Script.Enqueue(_ =>
        {
            HttpContent content = announcesLength ? new ByteArrayContent(_video) : new StreamContent(new MemoryStream([.. _video, .. _video, .. _video]));
            content.Headers.ContentLength = announcesLength ? 1_000_000_000_000_000 : null;
            return new HttpResponseMessage(HttpStatusCode.OK) { Content = content };
        });
        _options = _options with { MaxLength = 2 * Size };
        int renewals = 0;

        AssertWhole(await DownloadAsync(renew: _ =>
        {
            renewals++;
            return Task.FromResult<Uri?>(new Uri("https://cdn.example/fresh"));
        }));
        Assert.Equal(1, renewals);
        Assert.Equal("/fresh", _server.Requests[^1].RequestUri!.AbsolutePath);
    }

    [Fact]
    public async Task A_video_that_the_disk_has_no_room_for_is_not_begun()
    {
        _options = _options with { FindFreeSpace = _ => 1000 };

        KlingException error = await AssertFailsAsync(ErrorKind.DestinationUnusable, () => DownloadAsync());

        Assert.Contains("the disk has 1,000 bytes left", error.Message, StringComparison.Ordinal);
        Assert.Empty(Directory.GetFiles(Path.GetDirectoryName(Target)!));
    }

    [Fact]
    public async Task Of_a_video_that_is_there_in_part_only_the_rest_needs_room()
    {
        await LeavePartAsync(150_000);
        _options = _options with { FindFreeSpace = _ => _video.Length - new FileInfo(Partial).Length };

        AssertWhole(await DownloadAsync());
    }

    [Fact]
    public void The_room_on_a_disk_is_found_out_also_for_a_folder_that_is_not_there_yet()
        => Assert.True(DiskSpace.Find(Path.Combine(_folder, "not", "there", "yet.mp4")) > 0);

    [Fact]
    public void A_file_system_that_does_not_say_how_large_it_is_is_not_taken_for_a_full_one()
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "Only Linux has one everywhere.");

        Assert.Null(DiskSpace.Find("/proc/fox.mp4"));
    }

    [Theory]
    [InlineData("<!DOCTYPE html><html><head><title>Please &amp; sign\u001b[2J in</title>", "the file is a web page (\"Please & sign[2J in\") and not an MP4 video")]
    [InlineData("<?xml version=\"1.0\"?><Error><Code>AccessDenied</Code></Error>", "the file is XML (\"AccessDenied\") and not an MP4 video")]
    [InlineData("{\"code\":404,\"msg\":\"gone\"}", "the file is JSON (\"{\"code\":404,\"msg\":\"gone\"}\") and not an MP4 video")]
    [InlineData("Too many requests", "the file is text (\"Too many requests\") and not an MP4 video")]
    public async Task What_comes_in_place_of_a_video_is_named(string page, string message)
    {
        _server.Content = System.Text.Encoding.UTF8.GetBytes(page);

        KlingException error = await AssertFailsAsync(ErrorKind.DownloadIncomplete, () => DownloadAsync());

        Assert.Contains(message, error.Message, StringComparison.Ordinal);
        Assert.Contains("None of it was kept", error.Message, StringComparison.Ordinal);
        Assert.Empty(Directory.GetFiles(Path.GetDirectoryName(Target)!));
    }

    [Theory]
    [InlineData("http://cdn.example/a", "leads on to 'http://cdn.example/a', which is not https")]
    [InlineData("http://127.0.0.1:8080/admin", "which leads to this machine itself")]
    [InlineData("https://169.254.169.254/latest", "where clouds keep their metadata")]
    [InlineData("https://[::ffff:10.0.0.1]/", "which leads into a private network")]
    [InlineData("https://user:hidden@cdn.example/a", "which has a user name or password in it")]
    [InlineData("//", "redirects to something that is not an address")]
    [InlineData("javascript:alert(1)", "leads on to")]
    public async Task A_redirect_that_leads_astray_is_not_followed_and_the_link_is_asked_for_again(string location, string problem)
    {
        var fresh = new Uri("https://files.example/fresh.mp4");
        _server.Script.Enqueue(_ => VideoServer.ApiResponse(HttpStatusCode.Found, location));
        AssertWhole(await DownloadAsync(renew: _ => Task.FromResult<Uri?>(fresh)));
        Assert.Equal([s_link, fresh], _server.Requests.Select(request => request.RequestUri));

        File.Delete(Target);
        _server.Script.Enqueue(_ => VideoServer.ApiResponse(HttpStatusCode.Found, location));
        KlingException error = await AssertFailsAsync(ErrorKind.AnswerInvalid, () => DownloadAsync());
        Assert.Contains(problem, error.Message, StringComparison.Ordinal);
        Assert.Contains("The video is paid for", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_part_beyond_the_end_starts_over()
    {
        await LeavePartAsync(150_000);
        _server.Content = TestMp4.Create(1_000, seed: 2);
        _server.HonoursIfRange = false;
        AssertWhole(await DownloadAsync(), _server.Content);
    }

    [Fact]
    public async Task A_full_part_of_unknown_length_is_verified_when_the_server_says_there_is_no_more()
    {
        _server.AnnouncesLength = false;
        await LeavePartAsync(_video.Length);
        AssertWhole(await DownloadAsync());
        Assert.Single(_server.Requests);
    }

    [Fact]
    public async Task A_part_of_another_video_is_not_continued()
    {
        await LeavePartAsync(150_000, identity: "task-1");
        AssertWhole(await DownloadAsync(identity: "task-2"));
        Assert.Null(Assert.Single(_server.Requests).Headers.Range);
    }

    [Fact]
    public async Task A_part_is_continued_under_another_link_to_the_same_video()
    {
        await LeavePartAsync(150_000, identity: "task-1");
        DownloadedVideo video = await DownloadAsync(identity: "task-1", link: new Uri("https://other.example/fresh"));
        AssertWhole(video);
        Assert.NotNull(_server.Requests[^1].Headers.Range);
    }

    [Theory]
    [InlineData("")]
    [InlineData("null")]
    [InlineData("{\"Video\":null}")]
    [InlineData("{\"\\ud800ideo\":null}")]
    [InlineData("{\"Video\":\"x\",\"EntityTag\":\"\\\"v1\\\"\"")]
    public async Task A_part_beside_a_damaged_state_starts_over(string state)
    {
        await LeavePartAsync(150_000);
        File.WriteAllText(Partial + ".json", state);
        AssertWhole(await DownloadAsync());
        Assert.Null(Assert.Single(_server.Requests).Headers.Range);
    }

    [Fact]
    public async Task A_state_with_a_tag_that_is_none_starts_over()
    {
        await LeavePartAsync(150_000);
        string state = File.ReadAllText(Partial + ".json");
        Assert.Contains("v1", state);
        File.WriteAllText(Partial + ".json", state.Replace("v1", "v1\\r\\nAuthorization: x", StringComparison.Ordinal));
        AssertWhole(await DownloadAsync());
        Assert.Null(Assert.Single(_server.Requests).Headers.Range);
    }

    [Theory]
    [InlineData(40_000)]
    [InlineData(300_000)]
    public async Task A_part_that_a_loss_of_power_left_with_zeros_at_its_end_is_not_continued_behind_them(int zeros)
    {
        await LeavePartAsync(330_000);
        using (FileStream part = File.OpenWrite(Partial))
        {
            part.Position = part.Length - zeros;
            part.Write(new byte[zeros]);
        }

        AssertWhole(await DownloadAsync());
        Assert.InRange(Assert.Single(_server.Requests).Headers.Range!.Ranges.Single().From!.Value, 1, 330_000 - zeros + 10_000);
    }

    [Fact]
    public async Task A_part_of_nothing_but_zeros_starts_over()
    {
        await LeavePartAsync(150_000);
        File.WriteAllBytes(Partial, new byte[300_000]);
        AssertWhole(await DownloadAsync());
        Assert.Null(Assert.Single(_server.Requests).Headers.Range);
    }

    [Theory]
    [InlineData("removed")]
    [InlineData("replaced by a file")]
    [InlineData("replaced by a folder")]
    [InlineData("replaced by a link")]
    [InlineData("moved with its folder")]
    [InlineData("moved, and a link to another folder in its place")]
    public async Task A_partial_file_that_is_not_there_any_more_at_the_end_does_not_become_the_video_and_what_is_there_stays(string what)
    {
        Assert.SkipWhen(OperatingSystem.IsWindows(), "On Windows, an open file keeps its folder where it is.");
        string folder = Path.GetDirectoryName(Target)!;
        string elsewhere = Path.Combine(_folder, "elsewhere");
        string theirs = Path.Combine(Directory.CreateDirectory(elsewhere).FullName, Path.GetFileName(Partial));
        File.WriteAllText(theirs, "mine");
        bool isDone = false;
        KlingException e = await AssertFailsAsync(ErrorKind.DestinationUnusable, () => DownloadAsync(overwrite: true, progress: progress =>
        {
            if (progress.BytesDone < _video.Length || isDone)
            {
                return;
            }

            isDone = true;
            if (what.StartsWith("moved", StringComparison.Ordinal))
            {
                Directory.Move(folder, folder + "-moved");
                _ = what.Contains("link", StringComparison.Ordinal) ? Directory.CreateSymbolicLink(folder, elsewhere) : null;
                return;
            }

            File.Delete(Partial);
            switch (what)
            {
                case "replaced by a file":
                    File.WriteAllText(Partial, "mine");
                    break;
                case "replaced by a folder":
                    Directory.CreateDirectory(Partial);
                    break;
                case "replaced by a link":
                    File.CreateSymbolicLink(Partial, theirs);
                    break;
            }
        }));
        Assert.EndsWith($"'{Partial}' was moved, removed or replaced while the video was downloaded.", e.Message);
        Assert.True(isDone);
        Assert.False(File.Exists(Target));
        Assert.Equal("mine", File.ReadAllText(theirs));
        Assert.Equal(what == "replaced by a file", File.Exists(Partial) && File.ReadAllText(Partial) == "mine" && new FileInfo(Partial).LinkTarget is null && !what.Contains("link", StringComparison.Ordinal));
    }

    [Fact]
    public async Task A_file_that_another_program_puts_in_the_place_of_what_is_known_of_a_part_stays()
    {
        AssertWhole(await DownloadAsync());
        File.Delete(Target);
        await DownloadAsync(progress: progress => File.WriteAllText(Partial + ".json", "mine"));
        Assert.Equal("mine", File.ReadAllText(Partial + ".json"));
        Assert.True(File.ReadAllBytes(Target).AsSpan().SequenceEqual(_video));
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task A_folder_that_comes_to_be_in_the_place_of_the_video_is_not_called_a_file_that_could_be_overwritten(bool overwrite)
    {
        KlingException e = await AssertFailsAsync(ErrorKind.DestinationUnusable, () => DownloadAsync(overwrite: overwrite, progress: _ => Directory.CreateDirectory(Target)));
        Assert.EndsWith("A folder has this name.", e.Message);
        Assert.True(File.Exists(Partial));
    }

    [Fact]
    public async Task What_is_empty_in_place_of_a_video_is_called_empty()
    {
        _server.Content = [];
        KlingException e = await AssertFailsAsync(ErrorKind.DownloadIncomplete, () => DownloadAsync());
        Assert.Contains("the file is empty.", e.Message);
    }

    [Theory]
    [InlineData(100_000)]
    [InlineData(Size)]
    public async Task A_file_that_another_program_puts_in_the_place_of_a_part_is_not_deleted_when_the_download_ends(int at)
    {
        _server.EntityTag = null;
        using var stop = new CancellationTokenSource();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => DownloadAsync(
            progress: progress =>
            {
                if (progress.BytesDone >= at && !stop.IsCancellationRequested)
                {
                    File.Delete(Partial);
                    File.WriteAllText(Partial, "mine");
                    stop.Cancel();
                }
            },
            cancellationToken: stop.Token));
        Assert.Equal("mine", File.ReadAllText(Partial));
    }

    [Theory]
    [InlineData(": > '{0}'", 150_000)]
    [InlineData("printf more >> '{0}'", 150_000)]
    [InlineData("printf more >> '{0}'", Size)]
    [InlineData(": > '{0}'", Size)]
    public async Task A_partial_file_that_another_program_writes_to_does_not_become_the_video_and_is_not_continued(string script, int at)
    {
        // Programs that use .NET keep to the lock of the file.
        Assert.SkipWhen(OperatingSystem.IsWindows(), "On Windows, no program can write to it.");
        bool isDone = false;
        KlingException e = await AssertFailsAsync(ErrorKind.DestinationUnusable, () => DownloadAsync(progress: progress =>
        {
            if (progress.BytesDone >= at && !isDone)
            {
                isDone = true;
                using var shell = Process.Start("/bin/sh", ["-c", string.Format(CultureInfo.InvariantCulture, script, Partial)]);
                shell.WaitForExit();
            }
        }));
        Assert.EndsWith($"Another program wrote to '{Partial}' while the video was downloaded.", e.Message);
        Assert.Empty(Directory.GetFiles(Path.GetDirectoryName(Target)!));
        AssertWhole(await DownloadAsync());
        Assert.Null(_server.Requests[^1].Headers.Range);
    }

    [Fact]
    public async Task The_link_is_not_written_to_disk()
    {
        await LeavePartAsync(150_000);
        Assert.DoesNotContain("example", File.ReadAllText(Partial + ".json"));
    }

    [Fact]
    public async Task An_existing_file_is_an_error_before_any_request()
    {
        Directory.CreateDirectory(Path.GetDirectoryName(Target)!);
        File.WriteAllText(Target, "mine");
        await AssertFailsAsync(ErrorKind.FileExists, () => DownloadAsync());
        Assert.Empty(_server.Requests);
        Assert.Equal("mine", File.ReadAllText(Target));
    }

    [Fact]
    public async Task A_file_that_appears_meanwhile_is_not_replaced()
    {
        await AssertFailsAsync(ErrorKind.FileExists, () => DownloadAsync(progress: _ => File.WriteAllText(Target, "mine")));
        Assert.Equal("mine", File.ReadAllText(Target));
    }

    [Fact]
    public async Task An_existing_file_is_replaced_at_the_end_if_that_is_wanted()
    {
        Directory.CreateDirectory(Path.GetDirectoryName(Target)!);
        File.WriteAllText(Target, "mine");
        DownloadedVideo video = await DownloadAsync(overwrite: true, progress: _ => Assert.Equal("mine", File.ReadAllText(Target)));
        AssertWhole(video);
    }

    [Fact]
    public async Task A_target_that_is_a_folder_is_an_error_that_names_it()
    {
        Directory.CreateDirectory(Target);
        KlingException e = await AssertFailsAsync(ErrorKind.DestinationUnusable, () => DownloadAsync());
        Assert.Contains(Target, e.Message);
        Assert.Empty(_server.Requests);
    }

    [Fact]
    public async Task A_folder_that_is_a_file_is_an_error_that_names_the_target()
    {
        File.WriteAllText(Path.GetDirectoryName(Target)!, "a file");
        KlingException e = await AssertFailsAsync(ErrorKind.DestinationUnusable, () => DownloadAsync());
        Assert.Contains(Target, e.Message);
    }

    [Fact]
    public async Task A_second_download_to_the_same_target_waits_until_the_first_is_over_and_disturbs_nothing()
    {
        Task<DownloadedVideo>? second = null;
        DownloadedVideo video = await DownloadAsync(progress: _ =>
        {
            second ??= DownloadAsync();
            Assert.False(second.IsCompleted);
        });

        // The second may have its partial file for a moment before it sees that the first is there.
        Assert.Equal(ErrorKind.FileExists, (await Assert.ThrowsAsync<KlingException>(() => second!)).Kind);
        Assert.Single(_server.Requests);
        Assert.Contains(TimeSpan.FromSeconds(0.5), _time.Waits);
        AssertWhole(video);
    }

    [Fact]
    public async Task A_relative_target_is_refused() =>
        await Assert.ThrowsAsync<ArgumentException>(() => PartialFile.OpenAsync("fox.mp4", "task-1", () => Task.CompletedTask, _time, default));

    [Fact]
    public async Task A_download_that_ends_while_another_looks_at_its_file_is_not_taken_for_a_file_of_the_user()
    {
        bool isOver = false;
        Task download = Task.Run(async () =>
        {
            for (int i = 0; i < 1000; i++)
            {
                using PartialFile file = await PartialFile.OpenAsync(Target, "task-1", () => Task.CompletedTask, _time, default);
                file.Restart("\"tag\"");
            }
        });
        Task look = Task.Run(() =>
        {
            while (!Volatile.Read(ref isOver))
            {
                // Only while nothing has the partial name: with it, the look itself holds the file that the download opens.
                if (!File.Exists(Partial))
                {
                    PartialFile.RequireOwn(Target);
                }
            }
        });
        await Task.WhenAny(download, look);
        Volatile.Write(ref isOver, true);

        await Task.WhenAll(download, look);
    }

    [Fact]
    public async Task A_download_that_gets_its_name_while_another_looks_at_its_file_leaves_nothing()
    {
        string folder = Directory.CreateDirectory(Path.GetDirectoryName(Target)!).FullName;
        string? target = Target;
        Task look = Task.Run(() =>
        {
            while (Volatile.Read(ref target) is string current)
            {
                PartialFile.RequireOwn(current);
            }
        });
        for (int i = 0; i < 300; i++)
        {
            string video = Path.Combine(folder, $"{i}.mp4");
            using FileStream part = OwnFile.TryOpenExclusive(video + PartialFile.Ending, FileReaders.Umask)!;
            Volatile.Write(ref target, video);
            File.Move(part.Name, video);
        }

        Volatile.Write(ref target, null);
        await look;
        Assert.Empty(Directory.GetFiles(folder, "*" + PartialFile.Ending));
    }

    [Fact]
    public async Task A_cancelled_download_says_so_and_leaves_nothing_if_nothing_came()
    {
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => DownloadAsync(cancellationToken: new CancellationToken(true)));
        Assert.Empty(Directory.GetFiles(Path.GetDirectoryName(Target)!));
    }

    private sealed record DownloadedVideo(string Path, long Length, string Sha256);

    private enum Fate
    {
        Cut,
        Kill,
        Busy,
        Change,
        LoseTag,
        LoseRanges,
        IgnoreIfRange,
        Page,
        LoseLength,
    }

    /// <summary>Whatever happens on the way, in whatever order: one of the server's videos, to the byte, or a clear error.</summary>
    [Fact]
    public Task Whatever_happens_there_is_never_a_wrong_file() =>
        Gen.Select(Gen.Int[0, 300_000], Gen.Select(Gen.Enum<Fate>(), Gen.Int[0, 300_000]).Array[0, 12]).SampleAsync(async (size, fates) =>
        {
            string target = Path.Combine(_folder, Guid.NewGuid().ToString("N"), "fox.mp4");
            int version = 1;
            var server = new VideoServer(TestMp4.Create(size, version));
            var time = new EagerTimeProvider();
            var downloader = new VideoDownloader(server, KlingEndpoints.Default.Addresses, time, new VideoDownloaderOptions { IdleTimeout = Timeout.InfiniteTimeSpan });
            var videos = new List<byte[]> { server.Content };
            var ahead = new Queue<(Fate Fate, int At)>(fates);
            CancellationTokenSource kill = new();
            long killAt = long.MaxValue;

            HttpResponseMessage? Next(HttpRequestMessage request)
            {
                server.Script.Enqueue(Next);
                if (!ahead.TryDequeue(out (Fate Fate, int At) next))
                {
                    return null;
                }

                switch (next.Fate)
                {
                    case Fate.Cut:
                        server.Cuts.Enqueue(next.At);
                        break;
                    case Fate.Kill:
                        killAt = next.At;
                        break;
                    case Fate.Busy:
                        return VideoServer.ApiResponse(HttpStatusCode.ServiceUnavailable);
                    case Fate.Change:
                        version++;
                        server.Content = TestMp4.Create(size, version);
                        server.EntityTag = $"\"v{version}\"";
                        videos.Add(server.Content);
                        server.Cuts.Enqueue(next.At);
                        break;
                    case Fate.LoseTag:
                        server.EntityTag = null;
                        server.Cuts.Enqueue(next.At);
                        break;
                    case Fate.LoseRanges:
                        server.HasRanges = false;
                        break;
                    case Fate.IgnoreIfRange:
                        server.HonoursIfRange = false;
                        break;
                    case Fate.Page:
                        return new HttpResponseMessage { Content = new StringContent("<html>") };
                    case Fate.LoseLength:
                        server.AnnouncesLength = false;
                        server.Cuts.Enqueue(next.At);
                        break;
                }

                return null;
            }

            server.Script.Enqueue(Next);
            for (int run = 0; ; run++)
            {
                Assert.True(run < 50, "it never comes to an end");
                try
                {
                    DownloadedVideo video = await DownloadAsync(
                        downloader,
                        time,
                        target,
                        overwrite: false,
                        identity: null,
                        s_link,
                        renew: null,
                        p =>
                        {
                            Assert.False(File.Exists(target));
                            if (p.BytesDone >= killAt)
                            {
                                kill.Cancel();
                            }
                        },
                        kill.Token);
                    byte[] bytes = File.ReadAllBytes(target);
                    Assert.Contains(videos, v => v.AsSpan().SequenceEqual(bytes));
                    Assert.Equal(Convert.ToHexString(SHA256.HashData(bytes)).ToLowerInvariant(), video.Sha256);
                    Assert.Single(Directory.GetFiles(Path.GetDirectoryName(target)!));
                    return;
                }
                catch (OperationCanceledException) when (kill.IsCancellationRequested)
                {
                    kill = new CancellationTokenSource();
                    killAt = long.MaxValue;
                }
                catch (KlingException e)
                {
                    Assert.Contains(e.Kind, new[] { ErrorKind.ServiceUnavailable, ErrorKind.DownloadIncomplete });
                }

                Assert.False(File.Exists(target));
            }
        }, iter: 300);

    private sealed class Immediate(Action<TransferProgress> report) : IProgress<TransferProgress>
    {
        public void Report(TransferProgress value) => report(value);
    }

    /// <summary>A connection that is open and brings nothing.</summary>
    /// <summary>Gives another stream's bytes in small pieces.</summary>
    private sealed class TrickleStream(Stream source, int bytes, Action pause) : MemoryStream
    {
        public override bool CanSeek => false;

        public override async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
        {
            pause();
            return await source.ReadAsync(buffer[..Math.Min(bytes, buffer.Length)], cancellationToken);
        }
    }

    private sealed class SilentStream : MemoryStream
    {
        public TaskCompletionSource Asked { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);

        public override async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
        {
            Asked.TrySetResult();
            await Task.Delay(Timeout.Infinite, cancellationToken);
            return 0;
        }
    }
}
