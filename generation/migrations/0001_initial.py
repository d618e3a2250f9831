import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):

    initial = True

    dependencies = [
        ('artifacts', '0001_initial'),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name='GenerationTask',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('status', models.CharField(choices=[('queued', 'Queued'), ('running', 'Running'), ('paused', 'Paused'), ('succeeded', 'Succeeded'), ('failed', 'Failed'), ('cancelled', 'Cancelled')], default='queued', max_length=10)),
                ('model', models.CharField(blank=True, default='', max_length=200)),
                ('reclaims', models.PositiveSmallIntegerField(default=0)),
                ('length_at_claim', models.PositiveIntegerField(default=0)),
                ('worker', models.CharField(blank=True, default='', max_length=100)),
                ('error', models.TextField(blank=True, default='')),
                ('created_at', models.DateTimeField(auto_now_add=True)),
                ('started_at', models.DateTimeField(blank=True, null=True)),
                ('finished_at', models.DateTimeField(blank=True, null=True)),
                ('artifact', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='tasks', to='artifacts.artifact')),
                ('requested_by', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.SET_NULL, to=settings.AUTH_USER_MODEL)),
            ],
            options={
                'ordering': ['-id'],
                'indexes': [models.Index(condition=models.Q(('finished_at', None)), fields=['id'], name='task_unfinished')],
                'constraints': [models.UniqueConstraint(condition=models.Q(('status__in', ['queued', 'running', 'paused'])), fields=('artifact',), name='task_one_unfinished'), models.CheckConstraint(condition=models.Q(('status__in', ['queued', 'running', 'paused', 'succeeded', 'failed', 'cancelled'])), name='task_status_known')],
            },
        ),
    ]
