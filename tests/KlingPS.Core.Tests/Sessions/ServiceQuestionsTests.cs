using KlingPS.Core.Api;
using KlingPS.Core.Sessions;
using Microsoft.Extensions.Time.Testing;

namespace KlingPS.Core.Tests.Sessions;

public sealed class ServiceQuestionsTests
{
    private readonly FakeTimeProvider _clock = new();
    private readonly ServiceQuestions _questions;
    private int _asked;

    public ServiceQuestionsTests() => _questions = new ServiceQuestions(_clock);

    [Fact]
    public async Task With_a_key_that_was_refused_nothing_more_is_asked()
    {
        Assert.Equal(ErrorKind.Unauthorized, await AskAsync(ErrorKind.Unauthorized));
        _clock.Advance(TimeSpan.FromHours(1));
        Assert.Equal(ErrorKind.Unauthorized, await AskAsync(null));

        Assert.Equal(1, _asked);
    }

    [Fact]
    public async Task An_outage_may_be_over_after_a_minute()
    {
        Assert.Equal(ErrorKind.ServiceUnavailable, await AskAsync(ErrorKind.ServiceUnavailable));
        _clock.Advance(TimeSpan.FromSeconds(59));
        Assert.Equal(ErrorKind.ServiceUnavailable, await AskAsync(null));
        Assert.Equal(1, _asked);

        _clock.Advance(TimeSpan.FromSeconds(1));
        Assert.Null(await AskAsync(null));
        Assert.Null(await AskAsync(null));
        Assert.Equal(3, _asked);
    }

    [Fact]
    public async Task What_is_wrong_with_one_task_keeps_no_other_from_being_asked_for()
    {
        Assert.Equal(ErrorKind.TaskNotFound, await AskAsync(ErrorKind.TaskNotFound));
        Assert.Null(await AskAsync(null));

        Assert.Equal(2, _asked);
    }

    private async Task<ErrorKind?> AskAsync(ErrorKind? answer)
    {
        try
        {
            return await _questions.AskAsync(() =>
            {
                _asked++;
                return answer is ErrorKind kind ? throw new KlingApiException(kind, TransportFault.Answered, "It happened.") { IsTransient = true } : Task.FromResult<ErrorKind?>(null);
            });
        }
        catch (KlingApiException exception)
        {
            return exception.Kind;
        }
    }
}
