using KlingPS.Core.Api;

namespace KlingPS.Core.Tests.Api;

public sealed class TransportTests : IDisposable
{
    private readonly ClientHarness _harness = new();

    public static TheoryData<HttpRequestError> AllErrors => [.. Enum.GetValues<HttpRequestError>()];

    public void Dispose() => _harness.Dispose();

    private static HttpRequestException Failure(HttpRequestError error) => new(error, "The connection failed.");

    [Theory]
    [MemberData(nameof(AllErrors))]
    public async Task A_purchase_whose_body_has_not_begun_to_leave_was_not_sent(HttpRequestError error)
    {
        _harness.Service.On(FakeService.CreatePath, Replies.FailsBefore(Failure(error)));

        KlingApiException caught = await Assert.ThrowsAsync<KlingApiException>(() => _harness.CreateAsync());

        Assert.Equal((ErrorKind.ServiceUnavailable, TransportFault.NotSent, true), (caught.Kind, caught.Fault, caught.IsTransient));
        Assert.Contains("https://api.kie.ai", caught.Message, StringComparison.Ordinal);
        Assert.Single(_harness.Service.Requests);
    }

    [Theory]
    [MemberData(nameof(AllErrors))]
    public async Task A_purchase_whose_body_has_begun_to_leave_is_unknown_whatever_the_error_is_called(HttpRequestError error)
    {
        _harness.Service.On(FakeService.CreatePath, Replies.FailsAfter(Failure(error)));

        KlingApiException caught = await Assert.ThrowsAsync<KlingApiException>(() => _harness.CreateAsync());

        Assert.Equal((ErrorKind.AttemptUnknown, TransportFault.AnswerUnknown, false), (caught.Kind, caught.Fault, caught.IsTransient));
        Assert.Single(_harness.Service.Requests);
    }

    [Theory]
    [InlineData(HttpRequestError.NameResolutionError, "The service at https://api.kie.ai was not reached: the name of the host was not found.")]
    [InlineData(HttpRequestError.SecureConnectionError, "The service at https://api.kie.ai was not reached: the TLS connection failed (The certificate has expired).")]
    [InlineData(HttpRequestError.ConnectionError, "The service at https://api.kie.ai was not reached: no connection was made (The certificate has expired).")]
    [InlineData(HttpRequestError.ResponseEnded, "No answer came to the query of the credits: the connection was closed too early.")]
    [InlineData(HttpRequestError.InvalidResponse, "No answer came to the query of the credits: what came back breaks the rules of HTTP (The certificate has expired).")]
    [InlineData(HttpRequestError.ConfigurationLimitExceeded, "No answer came to the query of the credits: what came back has too many headers, or too long ones.")]
    [InlineData(HttpRequestError.Unknown, "No answer came to the query of the credits: The certificate has expired.")]
    public async Task A_read_that_fails_says_how_far_it_came_and_what_the_cause_was(HttpRequestError error, string message)
    {
        var cause = new IOException("See the inner exception.", new InvalidOperationException("The certificate has expired."));
        _harness.Service.On(FakeService.CreditPath, Replies.FailsAfter(new HttpRequestException(error, "It failed.", cause)));

        Assert.Equal(message, (await Assert.ThrowsAsync<KlingApiException>(_harness.GetCreditsAsync)).Message);
    }

    public static TheoryData<string, Exception> LostAnswers => new()
    {
        { "reset", new IOException("The connection was reset.") },
        { "ended", new HttpIOException(HttpRequestError.ResponseEnded, "The response ended.") },
        { "garbled", new InvalidDataException("The archive entry was compressed using an unsupported compression method.") },
        { "called off", new TaskCanceledException("The handler gave up.") },
    };

    [Theory]
    [MemberData(nameof(LostAnswers), DisableDiscoveryEnumeration = true)]
    public async Task A_purchase_whose_answer_breaks_off_is_unknown(string how, Exception exception)
    {
        _harness.Service.On(FakeService.CreatePath, Replies.BreaksOff(exception), Replies.FailsAfter(exception));

        foreach (string when in new[] { "within the answer", "before the answer" })
        {
            KlingApiException caught = await Assert.ThrowsAsync<KlingApiException>(() => _harness.CreateAsync());
            Assert.True((ErrorKind.AttemptUnknown, TransportFault.AnswerUnknown) == (caught.Kind, caught.Fault), $"{how} {when}: {caught}");
        }
    }

    [Theory]
    [MemberData(nameof(LostAnswers), DisableDiscoveryEnumeration = true)]
    public async Task A_read_whose_answer_breaks_off_is_repeated(string how, Exception exception)
    {
        _harness.Service.On(FakeService.CreditPath, Replies.BreaksOff(exception), Replies.FailsAfter(exception), Replies.Data("7"));

        Assert.True(await _harness.GetCreditsAsync() == 7, how);

        Assert.Equal(3, _harness.Service.Requests.Count);
    }

    [Theory]
    [InlineData(HttpRequestError.NameResolutionError, TransportFault.NotSent)]
    [InlineData(HttpRequestError.ConnectionError, TransportFault.NotSent)]
    [InlineData(HttpRequestError.SecureConnectionError, TransportFault.NotSent)]
    [InlineData(HttpRequestError.ProxyTunnelError, TransportFault.NotSent)]
    [InlineData(HttpRequestError.ResponseEnded, TransportFault.AnswerUnknown)]
    [InlineData(HttpRequestError.Unknown, TransportFault.AnswerUnknown)]
    public async Task A_read_without_an_answer_is_tried_five_times_with_growing_pauses(HttpRequestError error, TransportFault fault)
    {
        _harness.Service.On(FakeService.CreditPath, Replies.FailsAfter(Failure(error)));

        KlingApiException caught = await Assert.ThrowsAsync<KlingApiException>(_harness.GetCreditsAsync);

        Assert.Equal((ErrorKind.ServiceUnavailable, fault), (caught.Kind, caught.Fault));
        Assert.Equal(5, _harness.Service.Requests.Count);
        Assert.Equal(4, _harness.Observer.Pauses.Count);
        Assert.True(_harness.Observer.Pauses.Last() > _harness.Observer.Pauses.First());
    }

    [Fact]
    public async Task A_purchase_that_is_not_answered_in_two_minutes_is_unknown()
    {
        _harness.Service.On(FakeService.CreatePath, Replies.Silence());
        Task<string> create = _harness.Client.CreateTaskAsync(ClientHarness.Video, CancellationToken.None);

        _harness.Clock.Advance(TimeSpan.FromSeconds(119));
        Assert.False(create.IsCompleted);
        _harness.Clock.Advance(TimeSpan.FromSeconds(1));

        KlingApiException caught = await Assert.ThrowsAsync<KlingApiException>(() => create);
        Assert.Equal((ErrorKind.AttemptUnknown, TransportFault.AnswerUnknown), (caught.Kind, caught.Fault));
        Assert.Contains("nothing came within 120 seconds", caught.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_purchase_that_finds_no_connection_in_two_minutes_was_not_sent()
    {
        _harness.Service.On(FakeService.CreatePath, Replies.Silence(readsBody: false));
        Task<string> create = _harness.Client.CreateTaskAsync(ClientHarness.Video, CancellationToken.None);

        _harness.Clock.Advance(TimeSpan.FromSeconds(120));

        Assert.Equal(TransportFault.NotSent, (await Assert.ThrowsAsync<KlingApiException>(() => create)).Fault);
    }

    [Fact]
    public async Task A_read_that_is_not_answered_in_a_minute_is_repeated()
    {
        _harness.Service.On(FakeService.CreditPath, Replies.Silence(), Replies.Data("7"));
        Task<decimal> read = _harness.Client.GetCreditsAsync(CancellationToken.None);

        _harness.Clock.Advance(TimeSpan.FromSeconds(60));

        Assert.Equal(7, await _harness.Clock.RunAsync(read));
    }

    [Fact]
    public async Task An_answer_that_trickles_has_as_long_as_one_that_does_not_come()
    {
        var trickle = new Trickle(() => _harness.Clock.Advance(TimeSpan.FromSeconds(10)));
        _harness.Service.On(FakeService.CreditPath, (_, _) => Task.FromResult(new HttpResponseMessage { Content = new StreamContent(trickle) }), Replies.Data("7"));

        Assert.Equal(7, await _harness.Clock.RunAsync(_harness.Client.GetCreditsAsync(CancellationToken.None)));

        Assert.InRange(trickle.Reads, 6, 7);
    }

    [Fact]
    public async Task A_connection_that_is_not_made_in_time_is_told_apart_from_an_answer_that_does_not_come()
    {
        var late = new TaskCanceledException("The operation was canceled.", new TimeoutException("A connection could not be established within the configured ConnectTimeout."));
        _harness.Service.On(FakeService.CreditPath, Replies.FailsBefore(late));
        _harness.Service.On(FakeService.CreatePath, Replies.FailsBefore(late));

        KlingApiException read = await Assert.ThrowsAsync<KlingApiException>(() => _harness.GetCreditsAsync());
        KlingApiException purchase = await Assert.ThrowsAsync<KlingApiException>(() => _harness.CreateAsync());

        Assert.All([read, purchase], caught =>
        {
            Assert.Equal((ErrorKind.ServiceUnavailable, TransportFault.NotSent), (caught.Kind, caught.Fault));
            Assert.Contains("no connection was made in time", caught.Message, StringComparison.Ordinal);
        });
    }

    private static Reply Redirect(int status, string? location) => async (request, cancellationToken) =>
    {
        await request.ReadAsync(cancellationToken);
        var response = new HttpResponseMessage((System.Net.HttpStatusCode)status);
        response.Headers.Location = location is null ? null : new Uri(location, UriKind.RelativeOrAbsolute);
        return response;
    };

    [Theory]
    [InlineData(301, "https://elsewhere.example/?session=abc", "leads to https://elsewhere.example and", ErrorKind.ServiceUnavailable)]
    [InlineData(302, "https://user:word@elsewhere.example:8443/", "leads to https://elsewhere.example:8443 and", ErrorKind.AttemptUnknown)]
    [InlineData(303, "/elsewhere", "leads to another path there", ErrorKind.AttemptUnknown)]
    [InlineData(307, null, "does not say where to", ErrorKind.ServiceUnavailable)]
    [InlineData(308, "//elsewhere.example", "leads to https://elsewhere.example and", ErrorKind.ServiceUnavailable)]
    public async Task A_redirect_is_not_followed_and_says_where_it_leads(int status, string? location, string where, ErrorKind ofPurchase)
    {
        _harness.Service.On(FakeService.CreditPath, Redirect(status, location)).On(FakeService.CreatePath, Redirect(status, location));

        KlingApiException read = await Assert.ThrowsAsync<KlingApiException>(() => _harness.GetCreditsAsync());
        KlingApiException purchase = await Assert.ThrowsAsync<KlingApiException>(() => _harness.CreateAsync());

        Assert.Equal((ErrorKind.ServiceUnavailable, status, true), (read.Kind, read.Code, read.IsTransient));
        Assert.Equal((ofPurchase, false), (purchase.Kind, purchase.IsTransient));
        Assert.All([read, purchase], caught =>
        {
            Assert.Contains(where, caught.Message, StringComparison.Ordinal);
            Assert.DoesNotContain("session", caught.Message, StringComparison.Ordinal);
            Assert.DoesNotContain("word", caught.Message, StringComparison.Ordinal);
        });
        Assert.All(_harness.Service.Requests, request => Assert.Equal("api.kie.ai", request.Uri.Host));
        Assert.Single(_harness.Service.To(FakeService.CreatePath));
    }

    [Fact]
    public async Task A_purchase_that_is_cancelled_before_it_leaves_is_not_made()
    {
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => _harness.CreateAsync(new CancellationToken(canceled: true)));

        Assert.Empty(_harness.Service.Requests);
    }

    [Fact]
    public async Task A_purchase_that_is_cancelled_after_it_has_left_is_carried_to_its_end()
    {
        var arrived = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        var released = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        using var cancel = new CancellationTokenSource();
        _harness.Service.On(FakeService.CreatePath, Replies.Held(arrived, released.Task, Replies.Accepts("t1")));

        Task<string> create = _harness.Client.CreateTaskAsync(ClientHarness.Video, cancel.Token);
        await Eventually.DoneAsync(arrived.Task);
        await cancel.CancelAsync();
        Assert.False(create.IsCompleted);
        released.SetResult();

        Assert.Equal("t1", await create);
    }

    [Fact]
    public async Task A_read_that_is_cancelled_ends_at_once()
    {
        var arrived = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        using var cancel = new CancellationTokenSource();
        _harness.Service.On(FakeService.CreditPath, Replies.Held(arrived, new TaskCompletionSource().Task, Replies.Data("1")));

        Task<decimal> read = _harness.Client.GetCreditsAsync(cancel.Token);
        await Eventually.DoneAsync(arrived.Task);
        await cancel.CancelAsync();

        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => read);
        Assert.Equal("cancelled", Assert.Single(_harness.Observer.Requests).Error);
    }

    [Fact]
    public async Task Cancelling_ends_the_pause_before_a_repetition()
    {
        using var cancel = new CancellationTokenSource();
        _harness.Service.On(FakeService.CreditPath, Replies.Html(503));

        Task<decimal> read = _harness.Client.GetCreditsAsync(cancel.Token);
        await Eventually.DoneAsync(_harness.Observer.Paused.Task);
        await cancel.CancelAsync();

        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => read);
        Assert.Single(_harness.Service.Requests);
    }

    [Fact]
    public async Task An_answer_without_an_end_is_not_read_for_ever()
    {
        _harness.Service.On(FakeService.CreditPath, async (request, cancellationToken) =>
        {
            await request.ReadAsync(cancellationToken);
            return new HttpResponseMessage { Content = new StreamContent(new EndlessStream()) };
        });

        Assert.Equal(ErrorKind.AnswerInvalid, (await Assert.ThrowsAsync<KlingApiException>(_harness.GetCreditsAsync)).Kind);
    }

    private sealed class EndlessStream : MemoryStream
    {
        public override ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default) => new(buffer.Length);
    }

    /// <summary>A body of one byte now and then, without an end.</summary>
    private sealed class Trickle(Action pause) : MemoryStream
    {
        public int Reads { get; private set; }

        public override bool CanSeek => false;

        public override ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
        {
            Reads++;
            pause();
            cancellationToken.ThrowIfCancellationRequested();
            return ValueTask.FromResult(1);
        }
    }
}
